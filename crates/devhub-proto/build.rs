//! Compiles the protocol in pure Rust and writes the descriptor set that reflection serves.

#[path = "build/labels.rs"]
mod labels;

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let files = [
        "devhub/v1/access.proto",
        "devhub/v1/announcement.proto",
        "devhub/v1/api.proto",
        "devhub/v1/app_version.proto",
        "devhub/v1/application.proto",
        "devhub/v1/approval.proto",
        "devhub/v1/audit.proto",
        "devhub/v1/authorization.proto",
        "devhub/v1/call_limit.proto",
        "devhub/v1/credential.proto",
        "devhub/v1/error_reason.proto",
        "devhub/v1/fact.proto",
        "devhub/v1/gateway_fleet.proto",
        "devhub/v1/gateway_sync.proto",
        "devhub/v1/installation.proto",
        "devhub/v1/lifecycle.proto",
        "devhub/v1/listing.proto",
        "devhub/v1/maintenance.proto",
        "devhub/v1/notice.proto",
        "devhub/v1/organisation.proto",
        "devhub/v1/schedule.proto",
        "devhub/v1/subscription.proto",
        "devhub/v1/usage.proto",
        "devhub/v1/company.proto",
        "devhub/v1/migration.proto",
        "devhub/v1/migration_checklist.proto",
        "devhub/v1/service_account.proto",
        "devhub/v1/waiver.proto",
        "devhub/audit/v1/trail.proto",
        "devhub/store/v1/record.proto",
        "devhub/store/v1/usage.proto",
        "envoy/service/auth/v3/external_auth.proto",
    ];
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;
    let descriptors = compiler.file_descriptor_set();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    // The decoded set has no options of ours; the encoded one has.
    let labels = labels::read(&labels::Files::decode(&*compiler.encode_file_descriptor_set())?)?;
    std::fs::write(out.join("access.rs"), labels::table(&labels))?;
    // Comments serve the generated documentation only; reflection does without them. What is on disk is no part of
    // the wire, so reflection does without the record formats too.
    let mut served = descriptors.clone();
    let kept = ["devhub.store", "devhub.audit"];
    served.file.retain(|file| !kept.iter().any(|package| file.package().starts_with(package)));
    for file in &mut served.file {
        file.source_code_info = None;
    }
    std::fs::write(out.join("devhub.descriptors.bin"), served.encode_to_vec())?;
    // A map in order of key has one encoding, so that equal records have equal bytes. Messages that carry a secret are
    // shown by hand, without it.
    tonic_prost_build::configure()
        .btree_map(".")
        .skip_debug([
            ".devhub.v1.AddKeyRequest",
            ".devhub.v1.BreakGlassRequest",
            ".devhub.v1.CreateClientSecretResponse",
            ".devhub.v1.CreateServiceAccountResponse",
            ".devhub.v1.RotateServiceAccountSecretResponse",
            ".devhub.v1.VerifyAssertionRequest",
            ".devhub.v1.VerifyCredentialsRequest",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}
