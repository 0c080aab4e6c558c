//! Resume tokens: where in which history a gateway is, sealed, so that nobody goes on from a place that never was.

use devhub_decision::{Environment, Permissions};
use devhub_proto::v1::SyncReason;
use sha2::{Digest as _, Sha256};

use crate::domain::policy::Policies;
use crate::hub::Followed;
use crate::secret::{SEAL_BYTES, Seals};

/// The first byte: how the rest is laid out.
const LAYOUT: u8 = 2;

/// Bytes before the seal.
const PLACE_BYTES: usize = 1 + 16 + 1 + 8 + 8 + 8;

/// Makes and reads the tokens of one history.
pub(super) struct Tokens {
    seals: Seals,
    epoch: [u8; 16],
    meaning: [u8; 8],
}

/// What the rows of a table mean beyond its commits: how they are written, and what each policy permits.
fn meaning(policies: &Policies) -> [u8; 8] {
    let mut hash = Sha256::new().chain_update(devhub_sync::SCHEMA.to_be_bytes());
    for policy in policies.iter() {
        hash.update(policy.name.as_str());
        hash.update([0]);
        for Permissions { documentation, new_subscriptions, calls } in policy.permissions().0 {
            hash.update([documentation, new_subscriptions, calls].map(u8::from));
        }
    }
    short(hash)
}

fn short(hash: Sha256) -> [u8; 8] {
    let whole: [u8; 32] = hash.finalize().into();
    let mut short = [0; 8];
    short.copy_from_slice(&whole[..8]);
    short
}

/// Which contexts a gateway sees, in short; nothing for all of them.
fn filter(view: &Followed) -> [u8; 8] {
    let Some(contexts) = &view.contexts else { return [0; 8] };
    // No context has a line break in it.
    short(
        contexts.iter().fold(Sha256::new(), |hash, context| hash.chain_update(context.as_bytes()).chain_update(b"\n")),
    )
}

fn number(view: &Followed) -> u8 {
    match view.environment {
        Environment::Sandbox => 1,
        Environment::Production => 2,
    }
}

impl Tokens {
    pub(super) fn new(seals: Seals, epoch: [u8; 16], policies: &Policies) -> Tokens {
        Tokens { seals, epoch, meaning: meaning(policies) }
    }

    /// The token of a revision, for gateways that see this.
    pub(super) fn at(&self, view: &Followed, revision: u64) -> Vec<u8> {
        let mut token = Vec::with_capacity(PLACE_BYTES + SEAL_BYTES);
        token.push(LAYOUT);
        token.extend(self.epoch);
        token.push(number(view));
        token.extend(filter(view));
        token.extend(self.meaning);
        token.extend(revision.to_be_bytes());
        token.extend(self.seals.seal(&token));
        token
    }

    /// The revision of a token, or why a gateway that sees this cannot go on from it.
    pub(super) fn read(&self, view: &Followed, token: &[u8]) -> Result<u64, SyncReason> {
        if token.is_empty() {
            return Err(SyncReason::NoToken);
        }
        let (place, seal) = token.split_at_checked(PLACE_BYTES).ok_or(SyncReason::ForeignToken)?;
        if !self.seals.verifies(place, seal) || place[0] != LAYOUT {
            return Err(SyncReason::ForeignToken);
        }
        let (epoch, rest) = place[1..].split_at(16);
        let (of, rest) = rest.split_at(1);
        let (about, rest) = rest.split_at(8);
        let (meaning, revision) = rest.split_at(8);
        if epoch != self.epoch {
            Err(SyncReason::EpochChanged)
        } else if of != [number(view)] {
            Err(SyncReason::OtherEnvironment)
        } else if about != filter(view) {
            Err(SyncReason::OtherContexts)
        } else if meaning != self.meaning {
            Err(SyncReason::MeaningChanged)
        } else {
            Ok(revision.iter().fold(0, |revision, byte| revision << 8 | u64::from(*byte)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_history_environment_and_meaning_alone() {
        let (seals, policies) = (Seals::generate(), Policies::built_in());
        let here = &Followed::whole(Environment::Sandbox);
        let tokens = Tokens::new(seals.clone(), [7; 16], &policies);
        let token = tokens.at(here, 0x0102_0304_0506_0708);
        assert_eq!(tokens.read(here, &token), Ok(0x0102_0304_0506_0708));
        assert_eq!(tokens.read(here, b""), Err(SyncReason::NoToken));
        assert_eq!(tokens.read(&Followed::whole(Environment::Production), &token), Err(SyncReason::OtherEnvironment));
        let some = |contexts: &[&str]| {
            let contexts = contexts.iter().map(|context| Box::from(*context)).collect();
            Followed { contexts: Some(std::sync::Arc::new(contexts)), ..here.clone() }
        };
        assert_eq!(tokens.read(&some(&["a/b"]), &token), Err(SyncReason::OtherContexts));
        let about = tokens.at(&some(&["a/b", "c"]), 9);
        assert_eq!(tokens.read(&some(&["c", "a/b"]), &about), Ok(9));
        assert_eq!(tokens.read(&some(&["a/bc"]), &about), Err(SyncReason::OtherContexts));
        assert_eq!(tokens.read(here, &about), Err(SyncReason::OtherContexts));
        let restored = Tokens::new(seals.clone(), [8; 16], &policies);
        assert_eq!(restored.read(here, &token), Err(SyncReason::EpochChanged));
        let mut others = Policies::built_in();
        let text = include_str!("../domain/policies.toml");
        others
            .extend(&text.replace("hmrc-mtd", "policy-a").replace("procore-rest", "policy-b"))
            .expect("two policies more");
        let changed = Tokens::new(seals, [7; 16], &others);
        assert_eq!(changed.read(here, &token), Err(SyncReason::MeaningChanged));
        let stranger = Tokens::new(Seals::generate(), [7; 16], &policies);
        assert_eq!(stranger.read(here, &token), Err(SyncReason::ForeignToken));
    }

    #[test]
    fn no_byte_of_a_token_can_be_changed_or_left_out() {
        let tokens = Tokens::new(Seals::generate(), [7; 16], &Policies::built_in());
        let token = tokens.at(&Followed::whole(Environment::Sandbox), 9);
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 1;
            assert_eq!(
                tokens.read(&Followed::whole(Environment::Sandbox), &changed),
                Err(SyncReason::ForeignToken),
                "byte {at}"
            );
            assert!(tokens.read(&Followed::whole(Environment::Sandbox), &token[..at]).is_err(), "{at} bytes");
        }
    }
}
