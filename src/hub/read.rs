//! Reading records and pages of records.

use bytes::Bytes;

use super::{Failure, Hub};
use crate::domain::name::{ApplicationId, VersionName};
use crate::domain::record::{Record, RecordKey};
use crate::store::Key;
use crate::store::codec::{self, Kind};

/// A record with its revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The revision of the commit that wrote it; its etag.
    pub revision: u64,
    /// The record.
    pub record: Record,
    /// Bytes of the record in the store: about what it needs in a reply.
    pub bytes: usize,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Bytes>,
}

/// Records read from the store at a time while a list looks for matching ones.
const STEP: usize = 256;

/// A page is closed once the records on it have this many bytes: it must fit into a reply, however large they are.
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// Most records that one call of a list looks at: a filter that matches little must not hold a thread for long.
const LOOKED_AT_MAX: usize = 20_000;

impl Hub {
    /// The records under `keys`, in their order.
    ///
    /// # Errors
    /// When the store cannot read, or holds what cannot be understood.
    pub fn get(&self, keys: &[RecordKey]) -> Result<Vec<Option<Stored>>, Failure> {
        let keys: Vec<Key> = keys.iter().map(codec::encode_key).collect();
        let found = self.0.store.get(&keys)?;
        found
            .into_iter()
            .map(|found| match found {
                Some(value) => {
                    let record = codec::decode_record(&value.value)?;
                    Ok(Some(Stored { revision: value.revision, record, bytes: value.value.len() }))
                }
                None => Ok(None),
            })
            .collect()
    }

    /// The record under `key`.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn get_one(&self, key: RecordKey) -> Result<Option<Stored>, Failure> {
        Ok(self.get(&[key])?.pop().flatten())
    }

    /// A page of the records whose key begins with `prefix` and comes after `after`, of those that `render` makes
    /// something of. A page may be short, even empty, and still have a next one.
    ///
    /// # Errors
    /// As [`Hub::get`], or that of `render`.
    pub fn list<T>(
        &self,
        prefix: &[u8],
        after: Option<Bytes>,
        size: usize,
        mut render: impl FnMut(Stored) -> Result<Option<T>, Failure>,
    ) -> Result<Page<T>, Failure> {
        let mut items = Vec::new();
        let mut cursor = after;
        let (mut looked_at, mut bytes) = (0, 0);
        loop {
            let found = self.0.store.scan(prefix, cursor.as_deref(), STEP)?;
            let complete = found.len() < STEP;
            for (key, value) in found {
                if items.len() == size || looked_at == LOOKED_AT_MAX || bytes >= PAGE_BYTES_MAX {
                    return Ok(Page { items, next: cursor });
                }
                looked_at += 1;
                let record = codec::decode_record(&value.value)?;
                let stored = Stored { revision: value.revision, record, bytes: value.value.len() };
                if let Some(item) = render(stored)? {
                    bytes += value.value.len();
                    items.push(item);
                }
                cursor = Some(key);
            }
            if complete {
                return Ok(Page { items, next: None });
            }
        }
    }

    /// The prefix of all keys of `kind`, of one application if it is given.
    pub fn prefix(kind: Kind, application: Option<&ApplicationId>) -> Bytes {
        match application {
            Some(application) => codec::prefix_of(kind, application),
            None => Bytes::copy_from_slice(&[kind.byte()]),
        }
    }

    /// What `ids` names, page by page: `ids` gives the application ids after a cursor, `key` their record's key.
    ///
    /// # Errors
    /// As [`Hub::list`].
    pub fn list_by_application<T>(
        &self,
        after: Option<Bytes>,
        size: usize,
        ids: impl Fn(Option<&str>, usize) -> Vec<ApplicationId>,
        key: impl Fn(ApplicationId) -> RecordKey,
        mut render: impl FnMut(Stored) -> Result<Option<T>, Failure>,
    ) -> Result<Page<T>, Failure> {
        let mut items = Vec::new();
        let mut cursor = after;
        let (mut looked_at, mut bytes) = (0, 0);
        loop {
            let after = cursor.as_deref().and_then(|cursor| std::str::from_utf8(cursor).ok());
            let found = ids(after, STEP);
            let complete = found.len() < STEP;
            let keys: Vec<RecordKey> = found.iter().cloned().map(&key).collect();
            for (id, stored) in found.into_iter().zip(self.get(&keys)?) {
                if items.len() == size || looked_at == LOOKED_AT_MAX || bytes >= PAGE_BYTES_MAX {
                    return Ok(Page { items, next: cursor });
                }
                looked_at += 1;
                if let Some(stored) = stored {
                    let size = stored.bytes;
                    if let Some(item) = render(stored)? {
                        bytes += size;
                        items.push(item);
                    }
                }
                cursor = Some(Bytes::copy_from_slice(id.as_str().as_bytes()));
            }
            if complete {
                return Ok(Page { items, next: None });
            }
        }
    }

    /// The version and application that a subscription joins.
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn ends_of(
        &self,
        application: &ApplicationId,
        version: &VersionName,
    ) -> Result<(Option<Stored>, Option<Stored>), Failure> {
        let keys = [RecordKey::Application(application.clone()), RecordKey::Version(version.clone())];
        let mut found = self.get(&keys)?.into_iter();
        Ok((found.next().flatten(), found.next().flatten()))
    }
}
