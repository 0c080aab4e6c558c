//! The audit trail for people outside: exported, verified with nothing but the file and a signed head, asked about the
//! past.
//!
//! ```text
//! journal --commit--> [redact] -> entry -> chain -> file --verify--> the same chain, and a head that was signed
//! ```
//!
//! The journal is chained over whole frames, with everything in them: whoever verifies that chain must have it all, and
//! nothing of it can ever be taken out. So the trail has a chain of its own, computed from the journal and nothing else:
//! the entry of a commit holds its facts and what decisions stand on ([`crate::store::codec::decision_part`]). Whatever
//! a person wrote in a fact, or that names one, stands in the entry as a *reference*: SHA-256 of a salt and the text. Salt
//! and text stand beside the entry. Taken out, they are gone, and the chain still verifies. A salt is made of the text under
//! a key that is kept apart from the data, so that any two exports have the same chain, and nobody without the key can
//! find out what a reference was by trying.
//!
//! A chain alone proves nothing: who can change one entry can compute all later ones anew. A [`SignedHead`] says what
//! the chain was; the hub signs one from time to time and writes it to a file that is meant to be kept elsewhere.
//!
//! This room knows the store, its codec and the table; it does not know the hub's flow, nor the wire.

mod block;
mod chain;
mod entry;
mod file;
mod flaw;
mod head;
mod heads;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod key;
mod reader;
mod reference;
mod sealer;
mod shown;
mod verify;
mod writer;

pub use entry::{Redacted, Referred, redact};
pub use file::{Exported, erase, export};
pub use flaw::TrailError;
pub use head::{Head, SignedHead};
pub use heads::{append, read as read_heads};
pub use key::{AuditKey, KeyFileError, PublicKey, create, read as read_key, read_public};
pub use reader::{Reader, Step};
pub use reference::{Digest, Salts, reference};
pub use sealer::{Sealer, Standing};
pub use shown::shown;
pub use verify::{Verified, verify};
pub use writer::{Beside, Counts, Writer};

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of so many hexadecimal digits, lower-case only: there is one way to write a number.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let canonical = text.len() == 2 * N && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2).filter(|_| canonical)?, 16).ok()?;
    }
    Some(bytes)
}
