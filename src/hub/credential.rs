//! Verifying credentials: do a client id and a secret belong together?
//!
//! A wrong pair costs the same work, whatever is wrong with it: a hash under every pepper, three reads, the decoding of as
//! many secrets as an application may have and of a service account, and as many comparisons. Where there is no record, a
//! decoy is decoded in its place; where there is no secret, what is compared is nobody's. What is left, that the store finds
//! a record a little sooner or later than none, and that one account is longer than another, tells whether a client id is
//! known, and as whose, which is no secret.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devhub_decision::{Environment, Standing};

use super::{Failure, Hub, Request};
use crate::domain::application::Application;
use crate::domain::client_secret::{CLIENT_SECRETS_MAX, ClientSecret, ClientSecrets, RehashClientSecret};
use crate::domain::keyed_hash::KeyedHash;
use crate::domain::name::{AccountId, ApplicationId, ClientId, PepperId};
use crate::domain::projection::standing;
use crate::domain::record::{Bearer as NameBearer, Record, RecordKey};
use crate::domain::service_account::{AccountSecret, AccountType, RehashServiceAccountSecret, ServiceAccount};
use crate::domain::tool::ToolPermissions;
use crate::domain::{Actor, Command};
use crate::secret::{Peppers, Presented};
use crate::store::codec::{Kind, decode_record, encode_key, encode_record};

/// What verification has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// They do not belong together: the client is unknown, or the secret is wrong, expired or revoked.
    Wrong,
    /// They belong together, and are an application's.
    Right(Box<Bearer>),
    /// They belong together, and are a traditional service account's.
    Account(Box<AccountBearer>),
}

/// Whose credentials were presented: an application's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The application.
    pub application: Application,
    /// Whether it may call at all.
    pub standing: Standing,
    /// The secret that was presented.
    pub secret: ClientSecret,
}

/// Whose credentials were presented: a traditional service account's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBearer {
    /// The account.
    pub account: ServiceAccount,
    /// The first instant at which it is no longer accepted, when known.
    pub ends_at: Option<DateTime<Utc>>,
    /// Whether that has come (rule B69).
    pub ended: bool,
    /// What is kept of the secret that was presented.
    pub hash: KeyedHash,
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
    no_account: AccountId,
    account: Bytes,
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
    let no_account: AccountId = "nobody".parse().expect("it is a valid id");
    let account = ServiceAccount {
        id: no_account.clone(),
        client_id: "nobodys-client".parse().expect("it is a valid client id"),
        company: "nobody".parse().expect("it is a valid id"),
        environment: Environment::Sandbox,
        name: "Nobody's".to_owned(),
        account_type: AccountType::Undefined,
        classified_at: None,
        permissions: ToolPermissions::default(),
        created_at: DateTime::UNIX_EPOCH,
        created_by: "operator:nobody".to_owned(),
        extended_until: None,
        removal: None,
        secret: Some(AccountSecret {
            created_at: DateTime::UNIX_EPOCH,
            last_shown: "0000".to_owned(),
            hash: KeyedHash { pepper: "00000000".parse().expect("it is a valid id"), bytes: [0; 32] },
        }),
    };
    let secrets = |count: usize| ClientSecrets {
        application: nobody.clone(),
        secrets: (0..count).map(secret).collect(),
        made_on: None,
    };
    Decoys {
        client_id: "nobodys-client".parse().expect("it is a valid client id"),
        name: encode_record(&Record::Name(NameBearer::Application(nobody.clone()))),
        nobody: nobody.clone(),
        secrets: (0..=CLIENT_SECRETS_MAX).map(|count| encode_record(&Record::ClientSecrets(secrets(count)))).collect(),
        account: encode_record(&Record::ServiceAccount(account)),
        no_account,
    }
});

/// Who keeps hashes up to date.
const KEEPER: &str = "pepper";

/// The pepper of each secret in a record.
fn pepper_ids(record: Record) -> Result<Vec<PepperId>, Failure> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "two kinds of records were asked for")]
    match record {
        Record::ClientSecrets(secrets) => Ok(secrets.secrets.into_iter().map(|secret| secret.hash.pepper).collect()),
        Record::ServiceAccount(account) => Ok(account.secret.map(|secret| secret.hash.pepper).into_iter().collect()),
        _ => Err(Failure::Defect),
    }
}

impl Hub {
    /// The peppers that secrets need and `peppers` lack, and how many secrets need each. They verify no more: a wrong file of
    /// peppers would otherwise look like nothing but wrong secrets.
    ///
    /// # Errors
    /// When records cannot be read.
    pub fn missing_peppers(&self, peppers: Option<&Peppers>) -> Result<BTreeMap<PepperId, u64>, Failure> {
        let mut missing = BTreeMap::new();
        let known = |id: &PepperId| peppers.is_some_and(|peppers| peppers.ids().any(|known| known == id));
        for kind in [Kind::ClientSecrets, Kind::ServiceAccount] {
            let mut after = None;
            loop {
                let page =
                    self.list(&Hub::prefix(kind, None), after, PAGE, |stored| pepper_ids(stored.record).map(Some))?;
                for pepper in page.items.into_iter().flatten().filter(|pepper| !known(pepper)) {
                    *missing.entry(pepper).or_default() += 1;
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(missing)
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
        let verified = self.bearer(client_id, &presented, now)?;
        match &verified {
            Verified::Wrong => {}
            Verified::Right(bearer) => {
                self.last_uses().remember(&bearer.secret.id, now);
                if let Some(renewed) = presented.renewed(&bearer.secret.hash) {
                    let command = RehashClientSecret {
                        application: bearer.application.id.clone(),
                        id: bearer.secret.id.clone(),
                        from: bearer.secret.hash.pepper.clone(),
                        to: renewed.clone(),
                    };
                    self.rehash(command.into()).await;
                }
            }
            Verified::Account(bearer) => {
                if let Some(renewed) = presented.renewed(&bearer.hash) {
                    let command = RehashServiceAccountSecret {
                        company: bearer.account.company.clone(),
                        id: bearer.account.id.clone(),
                        from: bearer.hash.clone(),
                        to: renewed.clone(),
                    };
                    self.rehash(command.into()).await;
                }
            }
        }
        Ok(verified)
    }

    fn bearer(
        &self,
        client_id: Option<&ClientId>,
        presented: &Presented,
        now: DateTime<Utc>,
    ) -> Result<Verified, Failure> {
        let decoys = &*DECOYS;
        let looked_up = client_id.unwrap_or(&decoys.client_id).clone();
        let (name, found) = self.read_or(&RecordKey::ClientId(looked_up), &decoys.name)?;
        let Record::Name(name) = name else { return Err(Failure::Defect) };
        let known = found && client_id.is_some();
        let (bearer, account, is_account) = match name {
            NameBearer::Application(bearer) => (bearer, decoys.no_account.clone(), false),
            NameBearer::Account(account) => (decoys.nobody.clone(), account, true),
        };
        let (secrets, found) = self.read_or(&ClientSecrets::key(&bearer), &decoys.secrets[0])?;
        let Record::ClientSecrets(secrets) = secrets else { return Err(Failure::Defect) };
        let (account, account_found) = self.read_or(&RecordKey::ServiceAccount(account), &decoys.account)?;
        let Record::ServiceAccount(account) = account else { return Err(Failure::Defect) };
        // As many secrets are read for everybody.
        let short = CLIENT_SECRETS_MAX.saturating_sub(secrets.secrets.len());
        drop(std::hint::black_box(decode_record(&decoys.secrets[short])?));
        let live: Vec<&ClientSecret> = secrets.live(now).collect();
        let hashes: Vec<&KeyedHash> = live.iter().map(|secret| &secret.hash).collect();
        let of_account = account.secret.iter().filter(|_| is_account).map(|secret| &secret.hash);
        let of_account: Vec<&KeyedHash> = of_account.collect();
        let (place, account_place) = (presented.find(&hashes, CLIENT_SECRETS_MAX), presented.find(&of_account, 1));
        if is_account {
            let right = account_place.filter(|_| known && account_found).map(|place| of_account[place].clone());
            let Some(hash) = right else { return Ok(Verified::Wrong) };
            let class = self.roster().class();
            let (ends_at, ended) = (account.ends_at(&class), account.has_ended(&class, now));
            return Ok(Verified::Account(Box::new(AccountBearer { account, ends_at, ended, hash })));
        }
        let Some(place) = place.filter(|_| known && found) else { return Ok(Verified::Wrong) };
        // Only whoever presented the right secret comes so far.
        let application = self.get_one(RecordKey::Application(bearer))?.map(|stored| stored.record);
        let Some(Record::Application(application)) = application else { return Err(Failure::Defect) };
        let bearer = Bearer { standing: standing(&application), application, secret: live[place].clone() };
        Ok(Verified::Right(Box::new(bearer)))
    }

    /// The record under `key`, or the decoy's if there is none, and whether there is one.
    fn read_or(&self, key: &RecordKey, decoy: &[u8]) -> Result<(Record, bool), Failure> {
        let found = self.store().get(&[encode_key(key)])?.pop().flatten();
        let record = decode_record(found.as_ref().map_or(decoy, |found| &found.value))?;
        Ok((record, found.is_some()))
    }

    /// Keeps a secret under the newest pepper. The verification stands even if that fails: the next one tries again.
    async fn rehash(&self, command: Command) {
        let done = self.execute(Actor::Process(KEEPER.into()), command, Request::once()).await;
        if let Err(error) = done {
            tracing::warn!(%error, "a secret stays under an older pepper for now");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;

    use super::*;
    use crate::clock::ManualClock;
    use crate::config::Config;
    use crate::domain::application::{Kind as ApplicationKind, Persona, Role};
    use crate::domain::client_secret::{CreateClientSecret, Made};
    use crate::domain::register::{ClientIdOrigin, CreateApplication};
    use crate::secret::{Pepper, Secret, work};
    use crate::store::memory::Memory;

    fn now() -> DateTime<Utc> {
        "2026-01-01T12:00:00Z".parse().expect("an instant")
    }

    async fn application(hub: &Hub, peppers: &Peppers, id: &str, secrets: usize) -> Vec<Secret> {
        let operator: Actor = "operator:olga".parse().expect("an actor");
        let create = CreateApplication {
            id: id.parse().expect("an id"),
            client_id: format!("client-{id}").parse().expect("a client id"),
            client_id_origin: ClientIdOrigin::Brought,
            name: format!("Application {id}"),
            description: String::new(),
            environment: Environment::Sandbox,
            owner: String::new(),
            kind: ApplicationKind::Standard,
            persona: Persona::CustomIntegration,
            collaborators: [("ada@example.com".parse().expect("an address"), Role::Administrator)].into(),
        };
        hub.execute(operator.clone(), create.into(), Request::once()).await.expect("an application");
        let mut made = Vec::new();
        for number in 0..secrets {
            let secret = Secret::generate();
            let command = CreateClientSecret {
                application: id.parse().expect("an id"),
                id: format!("{id}-{number}").parse().expect("an id"),
                name: "Server".to_owned(),
                // The first one ends sooner than the others.
                expires_at: (number == 0 && secrets > 1).then_some(now() + TimeDelta::hours(1)),
                made: Some(Made { hash: peppers.hash(&secret), last_shown: secret.last_shown().to_owned() }),
            };
            hub.execute(operator.clone(), command.into(), Request::once()).await.expect("a secret");
            made.push(secret);
        }
        made
    }

    #[tokio::test]
    async fn b54_every_verification_makes_and_compares_as_many_hashes() {
        let config = Config::for_testing("unused");
        let rules = crate::server::rules(&config).expect("the rules of no file");
        let store = Arc::new(Memory::open().expect("a store in memory"));
        let hub = Hub::open(store, rules, Arc::new(ManualClock::at(now()))).expect("an empty hub");
        let peppers = Peppers::new(vec![Pepper::generate(), Pepper::generate()], Pepper::generate());
        let one = application(&hub, &peppers, "one", 1).await;
        let five = application(&hub, &peppers, "five", 5).await;
        application(&hub, &peppers, "none", 0).await;
        let wrong = Secret::generate();
        for (client, secret, at, right) in [
            ("client-one", &one[0], now(), true),
            ("client-one", &wrong, now(), false),
            ("client-five", &five[4], now(), true),
            ("client-five", &five[0], now(), true),
            ("client-five", &five[0], now() + TimeDelta::hours(1), false),
            ("client-five", &wrong, now() + TimeDelta::hours(1), false),
            ("client-none", &wrong, now(), false),
            ("client-unknown", &one[0], now(), false),
            ("?", &one[0], now(), false),
        ] {
            work::taken();
            let verified = hub.verify_credentials(&peppers, client.parse().ok().as_ref(), secret.reveal(), at).await;
            assert_eq!(verified.expect("an answer") != Verified::Wrong, right, "{client}");
            assert_eq!(
                work::taken(),
                (3, 6),
                "a hash under each of three peppers, and six comparisons: {client} at {at}"
            );
        }
    }
}
