//! Verifying credentials: do a client id and a secret belong together?
//!
//! A wrong pair costs the same work, whatever is wrong with it: a hash under every pepper, two reads, the decoding of as
//! many secrets as an application may have. Where there is no record, a decoy is decoded in its place. What is left, that
//! the store finds a record a little sooner or later than none, tells whether a client id is known, which is no secret.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::Standing;

use super::{Failure, Hub, Request};
use crate::domain::Actor;
use crate::domain::application::Application;
use crate::domain::client_secret::{CLIENT_SECRETS_MAX, ClientSecret, ClientSecrets, RehashClientSecret};
use crate::domain::keyed_hash::KeyedHash;
use crate::domain::name::{ApplicationId, ClientId, PepperId};
use crate::domain::projection::standing;
use crate::domain::record::{Bearer as NameBearer, Record, RecordKey};
use crate::secret::{Peppers, Presented};
use crate::store::codec::{Kind, decode_record, encode_key, encode_record};

/// What verification has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// They do not belong together: the client is unknown, or the secret is wrong, expired or revoked.
    Wrong,
    /// They belong together.
    Right(Box<Bearer>),
}

/// Whose credentials were presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The application.
    pub application: Application,
    /// Whether it may call at all.
    pub standing: Standing,
    /// The secret that was presented.
    pub secret: ClientSecret,
}

/// Records read at a time.
const PAGE: usize = 1000;

/// What is decoded where an unknown client has no records.
struct Decoys {
    client_id: ClientId,
    nobody: ApplicationId,
    name: Bytes,
    /// As many secrets as their place says.
    secrets: Vec<Bytes>,
}

static DECOYS: LazyLock<Decoys> = LazyLock::new(|| {
    let nobody: ApplicationId = "nobody".parse().expect("it is a valid id");
    let secret = |number: usize| ClientSecret {
        id: format!("00000000-0000-0000-0000-00000000000{number}").parse().expect("it is a valid id"),
        name: "Nobody's".to_owned(),
        created_at: DateTime::UNIX_EPOCH,
        created_by: "operator:nobody".to_owned(),
        expires_at: None,
        last_shown: "0000".to_owned(),
        hash: KeyedHash { pepper: "00000000".parse().expect("it is a valid id"), bytes: [0; 32] },
    };
    let secrets =
        |count: usize| ClientSecrets { application: nobody.clone(), secrets: (0..count).map(secret).collect() };
    Decoys {
        client_id: "nobodys-client".parse().expect("it is a valid client id"),
        name: encode_record(&Record::Name(NameBearer::Application(nobody.clone()))),
        nobody: nobody.clone(),
        secrets: (0..=CLIENT_SECRETS_MAX).map(|count| encode_record(&Record::ClientSecrets(secrets(count)))).collect(),
    }
});

/// Who keeps hashes up to date.
const KEEPER: &str = "pepper";

impl Hub {
    /// The peppers that secrets need and `peppers` lack, and how many secrets need each. They verify no more: a wrong file of
    /// peppers would otherwise look like nothing but wrong secrets.
    ///
    /// # Errors
    /// When records cannot be read.
    pub fn missing_peppers(&self, peppers: Option<&Peppers>) -> Result<BTreeMap<PepperId, u64>, Failure> {
        let mut missing = BTreeMap::new();
        let known = |id: &PepperId| peppers.is_some_and(|peppers| peppers.ids().any(|known| known == id));
        let mut after = None;
        loop {
            let page = self.list(&Hub::prefix(Kind::ClientSecrets, None), after, PAGE, |stored| {
                let Record::ClientSecrets(secrets) = stored.record else { return Err(Failure::Defect) };
                Ok(Some(secrets.secrets))
            })?;
            for secret in page.items.into_iter().flatten().filter(|secret| !known(&secret.hash.pepper)) {
                *missing.entry(secret.hash.pepper).or_default() += 1;
            }
            after = page.next;
            if after.is_none() {
                return Ok(missing);
            }
        }
    }

    /// Whether a client id and what is presented as a secret belong together at `now`. A secret that an older pepper keyed
    /// is then kept under the newest, if that succeeds (rule B54).
    ///
    /// # Errors
    /// When records cannot be read: then nobody knows.
    pub async fn verify_credentials(
        &self,
        peppers: &Peppers,
        client_id: Option<&ClientId>,
        presented: &str,
        now: DateTime<Utc>,
    ) -> Result<Verified, Failure> {
        let presented = peppers.present(presented);
        let Some(bearer) = self.bearer(client_id, &presented, now)? else { return Ok(Verified::Wrong) };
        self.last_uses().remember(&bearer.secret.id, now);
        if let Some(renewed) = presented.renewed(&bearer.secret.hash) {
            self.rehash(&bearer, renewed).await;
        }
        Ok(Verified::Right(Box::new(bearer)))
    }

    fn bearer(
        &self,
        client_id: Option<&ClientId>,
        presented: &Presented,
        now: DateTime<Utc>,
    ) -> Result<Option<Bearer>, Failure> {
        let decoys = &*DECOYS;
        let looked_up = client_id.unwrap_or(&decoys.client_id).clone();
        let (name, found) = self.read_or(&RecordKey::ClientId(looked_up), &decoys.name)?;
        let Record::Name(name) = name else { return Err(Failure::Defect) };
        let (bearer, found) = match name {
            NameBearer::Application(bearer) => (bearer, found),
            NameBearer::Account(_) => (decoys.nobody.clone(), false),
        };
        let known = found && client_id.is_some();
        let (secrets, found) = self.read_or(&ClientSecrets::key(&bearer), &decoys.secrets[0])?;
        let Record::ClientSecrets(secrets) = secrets else { return Err(Failure::Defect) };
        // As many secrets are read for everybody.
        let short = CLIENT_SECRETS_MAX.saturating_sub(secrets.secrets.len());
        drop(std::hint::black_box(decode_record(&decoys.secrets[short])?));
        let live: Vec<&ClientSecret> = secrets.live(now).collect();
        let hashes: Vec<&KeyedHash> = live.iter().map(|secret| &secret.hash).collect();
        let Some(place) = presented.find(&hashes).filter(|_| known && found) else { return Ok(None) };
        // Only whoever presented the right secret comes so far.
        let application = self.get_one(RecordKey::Application(bearer))?.map(|stored| stored.record);
        let Some(Record::Application(application)) = application else { return Err(Failure::Defect) };
        Ok(Some(Bearer { standing: standing(&application), application, secret: live[place].clone() }))
    }

    /// The record under `key`, or the decoy's if there is none, and whether there is one.
    fn read_or(&self, key: &RecordKey, decoy: &[u8]) -> Result<(Record, bool), Failure> {
        let found = self.store().get(&[encode_key(key)])?.pop().flatten();
        let record = decode_record(found.as_ref().map_or(decoy, |found| &found.value))?;
        Ok((record, found.is_some()))
    }

    /// Keeps a secret under the newest pepper. The verification stands even if that fails: the next one tries again.
    async fn rehash(&self, bearer: &Bearer, renewed: &KeyedHash) {
        let command = RehashClientSecret {
            application: bearer.application.id.clone(),
            id: bearer.secret.id.clone(),
            from: bearer.secret.hash.pepper.clone(),
            to: renewed.clone(),
        };
        let done = self.execute(Actor::Process(KEEPER.into()), command.into(), Request::once()).await;
        if let Err(error) = done {
            tracing::warn!(%error, "a secret stays under an older pepper for now");
        }
    }
}
