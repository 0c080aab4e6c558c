//! A hub with nothing in it.

use std::sync::Arc;

use chrono::TimeDelta;
use devhub_decision::Limits;
use tokio::runtime::Runtime;

use crate::clock::ManualClock;
use crate::domain::policy::Policies;
use crate::domain::quota::Quotas;
use crate::domain::setting::{ProductionDeletion, ProductionSubscriptions, Rules, TwoPersons};
use crate::hub::Hub;
use crate::store::memory::Memory;

/// What it runs on.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Its rules.
pub(crate) fn rules() -> Rules {
    Rules {
        policies: Policies::built_in(),
        restore_window_days: 30,
        production_subscriptions: ProductionSubscriptions::Open,
        production_deletion: ProductionDeletion::Restricted,
        disuse: None,
        two_persons: TwoPersons::NotNeeded,
        quotas: Quotas::default(),
    }
}

/// How long its answers may be kept.
pub(crate) fn limits() -> Limits {
    let ttl = TimeDelta::seconds(30);
    Limits::new(ttl, ttl).expect("half a minute is a limit")
}

/// The hub. Its clock stands still.
pub(crate) fn hub() -> Hub {
    let now = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let store = Arc::new(Memory::open().expect("a store in memory"));
    Hub::open(store, rules(), Arc::new(ManualClock::at(now))).expect("an empty hub")
}
