//! Identifiers that devhub makes: time-ordered UUIDs for what it stores, random text for what is presented.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::{Builder, NoContext, Timestamp, Uuid};

use crate::domain::name::{
    AccountId, ApplicationId, ClientId, ClientSecretId, InstallKey, ProposalId, ServiceUserId, SubscriptionId, WaiverId,
};

/// A UUID that sorts by `now`, so that new records lie together on disk.
fn uuid(now: DateTime<Utc>) -> String {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos())).to_string()
}

/// A new application id.
pub fn application(now: DateTime<Utc>) -> ApplicationId {
    uuid(now).parse().expect("a UUID is a valid id")
}

/// A new subscription id.
pub fn subscription(now: DateTime<Utc>) -> SubscriptionId {
    uuid(now).parse().expect("a UUID is a valid id")
}

/// A new waiver id.
pub fn waiver(now: DateTime<Utc>) -> WaiverId {
    uuid(now).parse().expect("a UUID is a valid id")
}

/// A new proposal id.
pub fn proposal(now: DateTime<Utc>) -> ProposalId {
    uuid(now).parse().expect("a UUID is a valid id")
}

/// A new id of a service account.
pub fn account(now: DateTime<Utc>) -> AccountId {
    uuid(now).parse().expect("a UUID is a valid id")
}

/// The id of a decision, by which logs speak of it.
pub fn decision(now: DateTime<Utc>) -> String {
    uuid(now)
}

/// A new id of a client secret; it says nothing about the secret.
pub fn client_secret(now: DateTime<Utc>) -> ClientSecretId {
    uuid(now).parse().expect("a UUID is a valid id")
}

/// The id of a service account that another system knows by its client id alone: the same whenever it is brought.
pub fn brought_account(client_id: &ClientId) -> AccountId {
    let digest: [u8; 32] = Sha256::digest(client_id.as_str().as_bytes()).into();
    let half = digest.first_chunk().copied().expect("32 bytes begin with 16");
    Builder::from_custom_bytes(half).into_uuid().to_string().parse().expect("a UUID is a valid id")
}

/// The id of a new service user.
pub fn service_user(now: DateTime<Utc>) -> ServiceUserId {
    uuid(now).parse().expect("a UUID is a valid id")
}

/// A new client id.
pub fn client() -> ClientId {
    presented().parse().expect("32 letters and digits are a valid client id")
}

/// A new install key.
pub fn install_key() -> InstallKey {
    presented().parse().expect("32 letters and digits are a valid install key")
}

/// What is presented and must not be guessed: 32 characters, 160 bits of them random.
fn presented() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = [0; 32];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
