//! Asks the hub, and keeps its answers for as long as they are valid.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use devhub_proto::v1;
use devhub_proto::v1::authorization_service_client::AuthorizationServiceClient;
use parking_lot::Mutex;
use prost::Message as _;
use tonic::Status;
use tonic::transport::Channel;

use crate::clock::Clock;

/// How a client behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSettings {
    /// Answers kept at a time. Default 100000.
    pub answers_max: usize,
    /// How long the hub may take. Default 250 ms.
    pub timeout: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self { answers_max: 100_000, timeout: Duration::from_millis(250) }
    }
}

/// There is no answer: the gateway answers 503, never an allow and never a denial (rule B64).
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoAnswer {
    /// The hub cannot be asked, and no valid answer of it is kept.
    #[error("the hub cannot be asked: {}", .0.message())]
    Unreachable(Status),
    /// The hub did not answer in time, and no valid answer of it is kept.
    #[error("the hub did not answer in time")]
    TooLate,
    /// The hub's answer says neither yes nor no.
    #[error("the hub's answer is none")]
    Empty,
}

struct Kept {
    valid_until: DateTime<Utc>,
    answer: Arc<v1::AuthorizeResponse>,
}

/// Asks the hub, and keeps its answers (rules B61, B64). One for all calls of a gateway.
pub struct Client {
    hub: AuthorizationServiceClient<Channel>,
    settings: ClientSettings,
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<Vec<u8>, Kept>>,
}

/// How much longer the hub may think that it is waited for: whoever waits is the one to tell that it took too long.
const DEADLINE_SPARE: Duration = Duration::from_millis(100);

/// Why there is no answer of the hub's.
fn unanswered(status: tonic::Status) -> NoAnswer {
    if status.code() == tonic::Code::DeadlineExceeded { NoAnswer::TooLate } else { NoAnswer::Unreachable(status) }
}

/// The question alone: how new its answer must be is no part of it.
fn key(question: &v1::AuthorizeRequest) -> Vec<u8> {
    v1::AuthorizeRequest { min_revision: 0, ..question.clone() }.encode_to_vec()
}

impl Client {
    /// Asks the hub behind `channel`.
    pub fn new(channel: Channel, settings: ClientSettings, clock: Arc<dyn Clock>) -> Client {
        Client { hub: AuthorizationServiceClient::new(channel), settings, clock, kept: Mutex::default() }
    }

    /// The hub's answer, or one that it gave before and that is still valid and new enough.
    ///
    /// # Errors
    /// When there is none.
    pub async fn authorize(&self, question: &v1::AuthorizeRequest) -> Result<Arc<v1::AuthorizeResponse>, NoAnswer> {
        let key = key(question);
        if let Some(answer) = self.kept(&key, question.min_revision) {
            return Ok(answer);
        }
        let mut hub = self.hub.clone();
        let mut asked = tonic::Request::new(question.clone());
        // The hub need not judge for nobody.
        asked.set_timeout(self.settings.timeout + DEADLINE_SPARE);
        let asking = tokio::time::timeout(self.settings.timeout, hub.authorize(asked));
        let answer = asking.await.map_err(|_| NoAnswer::TooLate)?.map_err(unanswered)?.into_inner();
        match answer.verdict() {
            v1::Verdict::Allow | v1::Verdict::Deny => {}
            v1::Verdict::Unspecified => return Err(NoAnswer::Empty),
        }
        let answer = Arc::new(answer);
        self.keep(key, &answer);
        Ok(answer)
    }

    fn kept(&self, key: &[u8], min_revision: u64) -> Option<Arc<v1::AuthorizeResponse>> {
        let now = self.clock.now();
        let kept = self.kept.lock();
        let kept = kept.get(key).filter(|kept| now < kept.valid_until && kept.answer.revision >= min_revision)?;
        Some(Arc::clone(&kept.answer))
    }

    fn keep(&self, key: Vec<u8>, answer: &Arc<v1::AuthorizeResponse>) {
        let now = self.clock.now();
        let valid_until = answer.valid_until.as_ref().and_then(|until| devhub_sync::instant(until).ok());
        let Some(valid_until) = valid_until.filter(|until| now < *until) else { return };
        let mut kept = self.kept.lock();
        if kept.len() >= self.settings.answers_max {
            kept.retain(|_, kept| now < kept.valid_until);
        }
        // An answer that does not fit is asked for again: that costs time and is never wrong.
        if kept.len() < self.settings.answers_max || kept.contains_key(&key) {
            kept.insert(key, Kept { valid_until, answer: Arc::clone(answer) });
        }
    }

    /// How many answers are kept, valid or not.
    pub fn answers_kept(&self) -> usize {
        self.kept.lock().len()
    }
}
