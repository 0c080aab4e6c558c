//! `devhub audit verify` and `devhub audit erase`: with the exported file alone.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use super::export::TrailView;
use crate::audit::{Reader, Verified, erase, read_heads, read_public, verify};
use crate::cli::output::{Format, print_one};

/// What is to attest a trail.
#[derive(Debug, Clone, Args)]
pub(super) struct Attestation {
    /// File of signed heads, kept elsewhere than the data; every one of its history must attest the trail
    #[arg(long, value_name = "FILE", requires = "public_key")]
    head: Option<PathBuf>,
    /// Public key that signed them; may be repeated, where the key was exchanged
    #[arg(long, value_name = "FILE", requires = "head")]
    public_key: Vec<PathBuf>,
}

impl Attestation {
    /// Verifies the trail in `file`; gives its epoch too.
    ///
    /// # Errors
    /// At the first thing that is wrong.
    pub(super) fn verify(&self, file: &Path) -> Result<(Vec<u8>, Verified)> {
        let heads = match &self.head {
            Some(path) => read_heads(path)?,
            None => Vec::new(),
        };
        if let (Some(path), true) = (&self.head, heads.is_empty()) {
            bail!("{} holds no signed head; name the file that the hub appends heads to", path.display());
        }
        let keys = self.public_key.iter().map(|path| read_public(path)).collect::<Result<Vec<_>, _>>()?;
        let mut reader = Reader::open(file)?;
        let verified = verify(&mut reader, &heads, &keys)?;
        Ok((reader.header().epoch.clone(), verified))
    }
}

/// Arguments of `devhub audit verify`.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// The exported trail
    file: PathBuf,
    #[command(flatten)]
    attestation: Attestation,
}

impl Verify {
    /// Verifies and prints what was found.
    ///
    /// # Errors
    /// At the first thing that is wrong.
    pub fn run(&self, output: Format) -> Result<()> {
        let (epoch, verified) = self.attestation.verify(&self.file)?;
        let mut view = TrailView::of(&self.file, &epoch, &verified.counts);
        view.attested = verified.attested;
        let attested = match verified.attested {
            Some(sequence) if sequence == verified.counts.sequence => "whole, and attested by signed heads".to_owned(),
            Some(sequence) => format!("whole, and attested by signed heads up to sequence {sequence}"),
            None => "whole, but attested by nobody: whoever wrote the file could have made all of it; name --head and \
                     --public-key"
                .to_owned(),
        };
        let mut fields = vec![("result", attested)];
        fields.extend(view.fields());
        print_one(output, &view, &fields)
    }
}

/// Arguments of `devhub audit erase`.
#[derive(Debug, Clone, Args)]
pub struct Erase {
    /// The exported trail
    file: PathBuf,
    /// The copy; it must not exist
    copy: PathBuf,
    /// Leave out every text that has this in it, for example an e-mail address; may be repeated
    #[arg(long, value_name = "TEXT", required = true)]
    without: Vec<String>,
}

impl Erase {
    /// Copies and prints what the copy holds.
    ///
    /// # Errors
    /// When the trail is not sound or the copy cannot be written.
    pub fn run(&self, output: Format) -> Result<()> {
        let counts = erase(&self.file, &self.copy, &self.without)?;
        let reader = Reader::open(&self.copy)?;
        let view = TrailView::of(&self.copy, &reader.header().epoch, &counts);
        print_one(output, &view, &view.fields())
    }
}
