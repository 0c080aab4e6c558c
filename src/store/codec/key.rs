//! Keys as bytes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::domain::name::{ApplicationId, RequestId};
use crate::domain::record::RecordKey;

/// What a key is of: its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An API.
    Api = b'i' as isize,
    /// A version.
    Version = b'v' as isize,
    /// An application.
    Application = b'a' as isize,
    /// The latest subscription of an application to a version.
    Subscription = b's' as isize,
    /// An ended subscription that a later one has followed.
    EndedSubscription = b'h' as isize,
    /// An access request.
    AccessRequest = b'x' as isize,
    /// A client id.
    ClientId = b'c' as isize,
    /// The name of a production application.
    ApplicationName = b'n' as isize,
    /// The answer to a request id.
    Answer = b'q' as isize,
}

impl Kind {
    const ALL: [Kind; 9] = [
        Kind::Api,
        Kind::Version,
        Kind::Application,
        Kind::Subscription,
        Kind::EndedSubscription,
        Kind::AccessRequest,
        Kind::ClientId,
        Kind::ApplicationName,
        Kind::Answer,
    ];

    /// The byte.
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

/// What `key` is of, if it is one of ours.
pub fn kind(key: &[u8]) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| key.first() == Some(&kind.byte()))
}

fn join(kind: Kind, parts: &[&str]) -> Bytes {
    let mut key = BytesMut::with_capacity(parts.iter().map(|part| part.len() + 1).sum::<usize>() + 1);
    key.put_u8(kind.byte());
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            key.put_u8(0);
        }
        key.put_slice(part.as_bytes());
    }
    key.freeze()
}

/// The key as bytes.
pub fn encode(key: &RecordKey) -> Bytes {
    match key {
        RecordKey::Api(context) => join(Kind::Api, &[context.as_str()]),
        RecordKey::Version(name) => join(Kind::Version, &[name.context.as_str(), name.label.as_str()]),
        RecordKey::Application(id) => join(Kind::Application, &[id.as_str()]),
        RecordKey::Subscription(id, name) => {
            join(Kind::Subscription, &[id.as_str(), name.context.as_str(), name.label.as_str()])
        }
        RecordKey::EndedSubscription(id, name, subscription) => join(
            Kind::EndedSubscription,
            &[id.as_str(), name.context.as_str(), name.label.as_str(), subscription.as_str()],
        ),
        RecordKey::AccessRequest(id, name) => {
            join(Kind::AccessRequest, &[id.as_str(), name.context.as_str(), name.label.as_str()])
        }
        RecordKey::ClientId(client_id) => join(Kind::ClientId, &[client_id.as_str()]),
        RecordKey::ApplicationName(name) => join(Kind::ApplicationName, &[name]),
    }
}

/// The key of the answer to a request id.
pub(super) fn answer(id: &RequestId) -> Bytes {
    join(Kind::Answer, &[id.as_str()])
}

/// The prefix of all keys of `kind` that belong to one application.
pub fn prefix_of(kind: Kind, application: &ApplicationId) -> Bytes {
    join(kind, &[application.as_str(), ""])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::VersionName;

    #[test]
    fn a_prefix_finds_the_keys_of_one_application_only() {
        let name = VersionName { context: "rest/v1.0".parse().expect("valid"), label: "1.10".parse().expect("valid") };
        let of = |id: &str| encode(&RecordKey::Subscription(id.parse().expect("valid"), name.clone()));
        let prefix = prefix_of(Kind::Subscription, &"app".parse().expect("valid"));
        assert!(of("app").starts_with(&prefix));
        assert!(!of("app-2").starts_with(&prefix));
        assert_eq!(&of("app")[..], b"sapp\0rest/v1.0\x001.10");
        assert_eq!(kind(&of("app")), Some(Kind::Subscription));
        assert_eq!(kind(b"?"), None);
    }
}
