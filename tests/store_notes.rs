//! Notes of the embedded engine: what survives, what is lost, and that neither stands in the way of the rest.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use bytes::Bytes;
use devhub::store::embedded::Embedded;
use devhub::store::fault::{Fault, Faults};
use devhub::store::{Store, StoreError};
use support::{committed, key, open, options_with, put, value};

fn note(store: &dyn Store, name: &str, value: &str) -> Result<(), StoreError> {
    store.note(vec![(key(name), Bytes::copy_from_slice(value.as_bytes()))])
}

fn noted(store: &dyn Store, name: &str) -> Option<Bytes> {
    store.noted(&[key(name)]).unwrap().remove(0)
}

#[test]
fn what_was_noted_survives_the_end_of_the_process_however_it_ends() {
    let (directory, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(directory.path());
    committed(&store, put("a", "1"));
    note(&store, "n", "noted").unwrap();
    // What a kill at this moment leaves: nothing that the process still holds, all that the system was given.
    support::copy(directory.path(), copy.path());
    assert_eq!(noted(&open(copy.path()), "n").as_deref(), Some(&b"noted"[..]));
    drop(store);
    assert_eq!(noted(&open(directory.path()), "n").as_deref(), Some(&b"noted"[..]));
}

#[test]
fn damaged_notes_are_set_aside_and_nothing_else_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=4 {
        let store = open(directory.path());
        committed(&store, put("a", "1"));
        (0..200).for_each(|i| note(&store, &format!("n{i}"), "a note that can be found in the file").unwrap());
        drop(store);
        let file = directory.path().join("usage/db");
        let mut bytes = std::fs::read(&file).unwrap();
        match round {
            // A value that no longer has its checksum, as far as sled lets it through; then no database at all.
            1 => {
                let text = b"that can be found";
                let places: Vec<usize> =
                    (0..bytes.len() - text.len()).filter(|at| bytes[*at..].starts_with(text)).collect();
                assert!(!places.is_empty());
                places.into_iter().for_each(|at| bytes[at] ^= 1);
                std::fs::write(&file, bytes).unwrap();
            }
            _ => {
                std::fs::remove_dir_all(directory.path().join("usage")).unwrap();
                std::fs::write(directory.path().join("usage"), b"no directory").unwrap();
            }
        }
        let store = open(directory.path());
        assert_eq!(noted(&store, "n1"), None);
        assert_eq!(value(&store, "a").as_deref(), Some("1"));
        note(&store, "n1", "anew").unwrap();
        assert_eq!(noted(&store, "n1").as_deref(), Some(&b"anew"[..]));
        assert_eq!(store.write_trouble(), None);
    }
    let names = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name.to_string_lossy().starts_with("usage.set-aside.")).count(), 2);
}

#[test]
fn notes_leave_the_last_of_the_disk_to_commits() {
    let (directory, faults) = (tempfile::tempdir().unwrap(), Faults::new());
    let store = Embedded::open(directory.path(), options_with(&faults)).unwrap();
    note(&store, "n", "before").unwrap();
    faults.start(Fault::LowSpace);
    assert!(matches!(note(&store, "n", "refused"), Err(StoreError::Full(_))));
    assert_eq!(noted(&store, "n").as_deref(), Some(&b"before"[..]));
    faults.stop(Fault::LowSpace);
    note(&store, "n", "after").unwrap();
    committed(&store, put("a", "1"));
}
