//! `devhub descriptors`: the compiled contract, for what turns JSON into calls.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use devhub_proto::v1;
use prost::Message as _;
use prost_types::FileDescriptorSet;

/// Arguments of `devhub descriptors`.
#[derive(Debug, Clone, Args)]
pub struct Descriptors;

impl Descriptors {
    /// Writes the descriptor set to standard output.
    ///
    /// # Errors
    /// When that is a terminal or cannot be written.
    pub fn run(&self) -> Result<ExitCode> {
        let mut output = std::io::stdout().lock();
        ensure!(!output.is_terminal(), "a descriptor set is not for the eye; write it to a file: > devhub.pb");
        output.write_all(&contract()?)?;
        output.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The contract with the details of refusals, which no message of it names: a transcoder shows only what it knows.
fn contract() -> Result<Vec<u8>> {
    let mut contract = FileDescriptorSet::decode(v1::DESCRIPTORS)?;
    for file in FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?.file {
        if !contract.file.iter().any(|known| known.name() == file.name()) {
            contract.file.push(file);
        }
    }
    Ok(contract.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_there_once_and_after_what_it_imports() {
        let contract = FileDescriptorSet::decode(contract().expect("descriptors").as_slice()).expect("a set");
        let mut seen: Vec<&str> = Vec::new();
        for file in &contract.file {
            assert!(!seen.contains(&file.name()), "{} is there twice", file.name());
            for import in &file.dependency {
                assert!(seen.contains(&import.as_str()), "{} comes before {import}", file.name());
            }
            seen.push(file.name());
        }
        for name in ["devhub/v1/api.proto", "error_details.proto", "status.proto"] {
            assert!(seen.contains(&name), "{name} is missing among {seen:?}");
        }
        assert!(!seen.iter().any(|name| name.starts_with("devhub/store")), "what is on disk is no part of the wire");
    }
}
