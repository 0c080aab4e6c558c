//! What a file has named so far: a row that names the same again would be judged by a hub that has not seen the first one,
//! in a dry run; so both a dry run and an import refuse it.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// The reason of a row that repeats another, as verdict files have it.
pub(super) const DUPLICATE_ROW: &str = "DUPLICATE_ROW";

/// The names in a file, each with the row that had it first. Of a name only a digest is kept, so that a row costs 16 bytes
/// whatever it says: a million rows, some 30 MB.
#[derive(Default)]
pub(super) struct Seen(HashMap<[u8; 12], u32>);

impl Seen {
    /// Takes note of the names of a row; the sentence of a refusal if one of them was there before.
    pub(super) fn note(&mut self, row: u64, names: &[(&'static str, String)]) -> Option<String> {
        let digests: Vec<[u8; 12]> = names.iter().map(|(kind, name)| digest(kind, name)).collect();
        let known = digests.iter().zip(names).find_map(|(digest, (kind, _))| Some((*kind, *self.0.get(digest)?)));
        if let Some((kind, first)) = known {
            return Some(format!("row {first} has the same {kind}; leave one of the two out"));
        }
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        self.0.extend(digests.into_iter().map(|digest| (digest, row)));
        None
    }
}

fn digest(kind: &str, name: &str) -> [u8; 12] {
    let whole: [u8; 32] = Sha256::new().chain_update(kind).chain_update([0]).chain_update(name).finalize().into();
    whole.first_chunk().copied().expect("32 bytes begin with 12")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_kind_and_its_first_row() {
        let mut seen = Seen::default();
        let names = |id: &str, client: &str| [("id", id.to_owned()), ("client", client.to_owned())];
        assert_eq!(seen.note(1, &names("a", "b")), None);
        assert_eq!(seen.note(2, &names("b", "a")), None, "of another kind");
        assert!(seen.note(3, &names("c", "b")).is_some_and(|sentence| sentence.contains("row 1 has the same client")));
        assert_eq!(seen.note(4, &names("c", "d")), None, "a refused row takes no name");
    }
}
