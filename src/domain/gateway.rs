//! Gateways that are to stay away: an operator revokes one when its credentials may be in other hands.
//!
//! What is revoked is an identity, one gateway of one environment, whatever proves it: a token, a certificate, or one that
//! is issued tomorrow. Whether it proves that at all is asked before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::fact::{Fact, FactKind, Subject};
use super::name::GatewayId;
use super::outcome::{Judgement, Outcome};
use super::record::{Record, RecordKey, Records};
use super::refusal::Refusal;
use super::setting::Setting;

/// Whether a gateway is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Again: it was revoked once.
    Restored,
    /// It is not.
    Revoked,
}

/// A gateway that was revoked at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// The environment that it belongs to.
    pub environment: Environment,
    /// What operators call it.
    pub id: GatewayId,
    /// Whether it is let in.
    pub trust: Trust,
    /// Who said so.
    pub by: String,
    /// When.
    pub since: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

impl Gateway {
    /// Where it is kept.
    pub fn key(&self) -> RecordKey {
        RecordKey::Gateway(self.environment, self.id.clone())
    }
}

/// Command: revoke a gateway, or restore one that was. Operators only.
#[derive(Debug, Clone)]
pub struct ChangeGatewayTrust {
    /// The environment that it belongs to.
    pub environment: Environment,
    /// What operators call it.
    pub id: GatewayId,
    /// Whether it is to be let in.
    pub trust: Trust,
    /// Why.
    pub reason: String,
    /// The revision last read, if the change depends on it.
    pub etag: Option<u64>,
}

impl ChangeGatewayTrust {
    fn key(&self) -> RecordKey {
        RecordKey::Gateway(self.environment, self.id.clone())
    }

    pub(super) fn reads(&self) -> Vec<RecordKey> {
        vec![self.key()]
    }

    pub(super) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("revoke and restore gateways")?;
        let before = records.gateway(&self.environment, &self.id);
        if before.is_none() && self.trust == Trust::Restored {
            return Err(Refusal::GatewayNotRevoked(self.id.clone(), self.environment));
        }
        records.check_etag(&self.key(), self.etag)?;
        if let Some(before) = before.filter(|before| before.trust == self.trust) {
            return Ok(Outcome::unchanged(self.key(), Record::Gateway(before.clone())));
        }
        let kind = match self.trust {
            Trust::Revoked => FactKind::GatewayRevoked,
            Trust::Restored => FactKind::GatewayRestored,
        };
        let after = Gateway {
            environment: self.environment,
            id: self.id.clone(),
            trust: self.trust,
            by: setting.actor.to_string(),
            since: setting.now,
            reason: self.reason.clone(),
        };
        let subject = Subject { environment: Some(self.environment), ..Subject::default() };
        let fact = Fact::new(kind, subject).change("gateway", "", &self.id).because(&self.reason);
        Ok(Outcome::write(self.key(), Record::Gateway(after), fact))
    }
}

/// The gateways that are revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked(BTreeMap<Environment, BTreeSet<Box<str>>>);

impl Revoked {
    /// Whether a gateway is among them.
    pub fn has(&self, environment: Environment, id: &str) -> bool {
        self.0.get(&environment).is_some_and(|ids| ids.contains(id))
    }

    /// What a record says of one. Returns whether that was news.
    pub fn learn(&mut self, gateway: &Gateway) -> bool {
        let ids = self.0.entry(gateway.environment).or_default();
        match gateway.trust {
            Trust::Revoked => ids.insert(gateway.id.as_str().into()),
            Trust::Restored => ids.remove(gateway.id.as_str()),
        }
    }
}
