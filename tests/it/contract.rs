//! The wire: a golden listing that shows every accidental change, and what every call and message must have.

use devhub_proto::v1;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::golden::compare;

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(v1::DESCRIPTORS).unwrap();
    set.file.into_iter().filter(|file| file.package() == "devhub.v1").collect()
}

/// Every method, as `Service/Method`.
pub(crate) fn methods() -> Vec<String> {
    let files = files();
    let services = files.iter().flat_map(|file| &file.service);
    services.flat_map(|s| s.method.iter().map(move |m| format!("{}/{}", s.name(), m.name()))).collect()
}

#[test]
fn the_wire_changes_only_on_purpose() {
    let mut lines = Vec::new();
    for file in files() {
        for service in &file.service {
            for method in &service.method {
                let asks = if method.client_streaming() { "stream " } else { "" };
                let stream = if method.server_streaming() { "stream " } else { "" };
                lines.push(format!(
                    "rpc {}/{} ({asks}{}) returns ({stream}{})",
                    service.name(),
                    method.name(),
                    method.input_type(),
                    method.output_type()
                ));
            }
        }
        for message in &file.message_type {
            for field in &message.field {
                let repeated = if field.label() == Label::Repeated { "repeated " } else { "" };
                let kind = if matches!(field.r#type(), Type::Message | Type::Enum) {
                    field.type_name().to_owned()
                } else {
                    field.r#type().as_str_name().trim_start_matches("TYPE_").to_lowercase()
                };
                lines.push(format!("{}.{} = {} {repeated}{kind}", message.name(), field.name(), field.number()));
            }
        }
        for enumeration in &file.enum_type {
            for value in &enumeration.value {
                lines.push(format!("{} {} = {}", enumeration.name(), value.name(), value.number()));
            }
        }
    }
    lines.sort();
    compare("tests/it/golden/wire.txt", &(lines.join("\n") + "\n"));
}

#[test]
fn every_write_can_be_repeated_and_every_list_paged() {
    let files = files();
    let message = |name: &str| {
        let short = name.rsplit('.').next().unwrap();
        files.iter().flat_map(|file| &file.message_type).find(|message| message.name() == short).unwrap()
    };
    for service in files.iter().flat_map(|file| &file.service) {
        assert!(service.name().ends_with("Service"));
        for method in &service.method {
            assert_eq!(method.input_type(), format!(".devhub.v1.{}Request", method.name()));
            assert_eq!(method.output_type(), format!(".devhub.v1.{}Response", method.name()));
            let has = |field: &str| message(method.input_type()).field.iter().any(|f| f.name() == field);
            let name = method.name();
            let reads =
                ["Get", "List", "Follow", "Preview", "Authorize", "BatchAuthorize", "Explain", "Verify", "Sync"];
            // An import is repeatable by itself: what is there already is unchanged.
            if !reads.iter().any(|read| name.starts_with(read)) && !name.starts_with("Import") {
                assert!(has("request_id"), "{name} needs request_id");
            }
            if [
                "Update",
                "Delete",
                "Restore",
                "Add",
                "Remove",
                "Change",
                "Deprecate",
                "Retire",
                "Promote",
                "Unsubscribe",
            ]
            .iter()
            .any(|verb| name.starts_with(verb))
                // Its changes carry an etag each; a key is something new beside others, as a secret is.
                && !["ChangeLifecycle", "AddKey"].contains(&name)
            {
                assert!(has("etag"), "{name} needs etag");
            }
            if ["Promote", "Deprecate", "Retire", "Deploy"].iter().any(|verb| name.starts_with(verb)) {
                assert!(has("validate_only"), "{name} needs validate_only");
            }
            if name.starts_with("List") && name != "ListPolicies" {
                assert!(has("page_size") && has("page_token"), "{name} needs pages");
            }
        }
    }
}

#[test]
fn every_enum_begins_with_unspecified_and_carries_its_name() {
    for enumeration in files().iter().flat_map(|file| &file.enum_type) {
        let prefix: String = enumeration
            .name()
            .chars()
            .flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain(c.to_uppercase()))
            .skip(1)
            .collect();
        for value in &enumeration.value {
            assert!(value.name().starts_with(&prefix), "{} in {}", value.name(), enumeration.name());
        }
        assert_eq!(enumeration.value[0].name(), format!("{prefix}_UNSPECIFIED"));
        assert_eq!(enumeration.value[0].number(), 0);
    }
}

#[test]
fn every_call_message_and_field_is_documented() {
    // The served descriptors carry no comments, so the sources are read: a declaration follows a comment line.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/devhub/v1");
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut documented = false;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let declares =
                ["message ", "enum ", "service ", "rpc ", "oneof "].iter().any(|word| line.starts_with(word))
                    || (line.ends_with(';') && line.contains(" = ") && !line.starts_with("syntax"));
            assert!(!declares || documented, "{}:{}: {line}", path.display(), number + 1);
            documented = line.starts_with("//");
        }
    }
}
