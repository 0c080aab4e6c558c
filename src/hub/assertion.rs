//! Verifying assertions: has a client signed what it presents, and is it used for the first time?
//!
//! As with secrets ([`super::credential`]), a wrong one costs about the same work, whatever is wrong with it: two reads, and
//! one signature verified, if need be with a key that nobody has.

use chrono::{DateTime, Utc};

use super::replays::Unaccepted;
use super::{Failure, Hub};
use crate::access::proof::{Assertion, Check, Expected, PublicKey};
use crate::domain::application::Application;
use crate::domain::name::{ClientId, KeyId};
use crate::domain::projection::standing;
use crate::domain::record::{Bearer as NameBearer, Record, RecordKey};
use crate::domain::registered_key::{RegisteredKey, RegisteredKeys};

/// What the verification of an assertion has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asserted {
    /// It proves nothing. At which check it failed is for metrics alone.
    Wrong(Check),
    /// It would prove its client, and cannot be remembered; until about then.
    Unremembered(DateTime<Utc>),
    /// It proves its client.
    Right(Box<AssertionBearer>),
}

/// Whose assertion was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionBearer {
    /// The application.
    pub application: Application,
    /// Whether it may call at all.
    pub standing: devhub_decision::Standing,
    /// The key that signed.
    pub key: RegisteredKey,
}

impl Hub {
    /// Whether an assertion proves its client at `now`, for `audience`; `client` is the client id beside it, if there is one.
    ///
    /// # Errors
    /// When records cannot be read: then nobody knows.
    pub fn verify_assertion(
        &self,
        assertion: &Assertion<'_>,
        audience: &str,
        client: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Asserted, Failure> {
        let found = self.signer(assertion, now)?;
        let key = match &found {
            Some((_, key)) => Some(PublicKey::parse(&key.jwk).map_err(|_| Failure::Defect)?),
            None => None,
        };
        let expected = Expected { audience, client, remembered_since: self.0.opened_at };
        let proof = match assertion.verify(key.as_ref(), &expected, now) {
            Ok(proof) => proof,
            Err(check) => return Ok(Asserted::Wrong(check)),
        };
        let Some((application, key)) = found else { return Err(Failure::Defect) };
        match self.0.replays.accept(assertion.client(), &proof.id, proof.refused_from, now) {
            Ok(()) => {}
            Err(Unaccepted::Used) => return Ok(Asserted::Wrong(Check::AssertionUsed)),
            Err(Unaccepted::Full(until)) => return Ok(Asserted::Unremembered(until)),
        }
        self.last_uses().remember_key(&application.id, &key.id, now);
        Ok(Asserted::Right(Box::new(AssertionBearer { standing: standing(&application), application, key })))
    }

    /// The application that an assertion says to be of, and its live key that the assertion names.
    fn signer(
        &self,
        assertion: &Assertion<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<(Application, RegisteredKey)>, Failure> {
        let (Ok(client), Ok(id)) = (assertion.client().parse::<ClientId>(), assertion.key_id().parse::<KeyId>()) else {
            return Ok(None);
        };
        let bearer = self.get_one(RecordKey::ClientId(client))?.map(|stored| stored.record);
        let Some(Record::Name(NameBearer::Application(application))) = bearer else { return Ok(None) };
        let mut found = self
            .get(&[RecordKey::Application(application.clone()), RegisteredKeys::key(&application)])?
            .into_iter()
            .map(|stored| stored.map(|stored| stored.record));
        let (Some(Some(Record::Application(application))), Some(Some(Record::RegisteredKeys(keys)))) =
            (found.next(), found.next())
        else {
            return Ok(None);
        };
        Ok(keys.find(&id).filter(|key| key.is_live(now)).cloned().map(|key| (application, key)))
    }
}
