//! Assertions that were used: each is valid once. Remembered until it has expired anyway, in memory, within bounds; where
//! there is no room, the assertion is refused rather than another forgotten.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::held::{FORGETTING_PAUSE, Forgetting, Name, name};

/// Assertions that are remembered at a time.
const HELD_MAX: usize = 100_000;

/// Of one client: nobody fills the memory for all.
const HELD_OF_CLIENT_MAX: u32 = 1000;

/// Why an assertion is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unaccepted {
    /// It was used before.
    Used,
    /// There is no room to remember it, until about then.
    Full(DateTime<Utc>),
}

/// Assertions that were used.
#[derive(Default)]
pub(super) struct Replays(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// Until when each is remembered, and whose it is.
    used: HashMap<Name, (DateTime<Utc>, Name)>,
    clients: HashMap<Name, u32>,
    forgetting: Forgetting,
}

impl Held {
    fn has_room(&self, client: Name) -> bool {
        self.used.len() < HELD_MAX && self.clients.get(&client).copied().unwrap_or_default() < HELD_OF_CLIENT_MAX
    }

    /// Forgets what has expired, unless it was just looked for.
    fn forget(&mut self, now: DateTime<Utc>) {
        if !self.forgetting.is_due(now) {
            return;
        }
        let Held { used, clients, .. } = self;
        used.retain(|_, (until, client)| {
            let kept = now < *until;
            if !kept && let Some(count) = clients.get_mut(client) {
                *count -= 1;
            }
            kept
        });
        clients.retain(|_, count| *count > 0);
    }
}

impl Replays {
    /// Accepts the assertion `id` of `client`, once until `until`.
    pub(super) fn accept(
        &self,
        client: &str,
        id: &str,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Unaccepted> {
        let (client, assertion) = (name(&[client]), name(&[client, id]));
        let mut held = self.0.lock();
        if held.used.get(&assertion).is_some_and(|(until, _)| now < *until) {
            return Err(Unaccepted::Used);
        }
        if !held.has_room(client) {
            held.forget(now);
        }
        if !held.has_room(client) {
            return Err(Unaccepted::Full(now + FORGETTING_PAUSE));
        }
        // One that has expired and was not forgotten yet counts already.
        if held.used.insert(assertion, (until, client)).is_none() {
            *held.clients.entry(client).or_default() += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-01T12:00:00Z".parse().expect("an instant")
    }

    #[test]
    fn an_assertion_is_accepted_once_until_it_has_expired() {
        let (replays, until, ms) = (Replays::default(), now() + TimeDelta::minutes(5), TimeDelta::milliseconds(1));
        let accept = |client, id, at| replays.accept(client, id, until, at);
        assert_eq!(accept("client", "1", now()), Ok(()));
        assert_eq!(accept("client", "1", now()), Err(Unaccepted::Used));
        assert_eq!(accept("client", "2", now()), Ok(()));
        assert_eq!(accept("other", "1", now()), Ok(()), "another client may use the same id");
        assert_eq!(accept("client1", "", now()), Ok(()), "no two pairs are one");
        assert_eq!(accept("client", "1", until - ms), Err(Unaccepted::Used));
        assert_eq!(accept("client", "1", until), Ok(()), "by then the assertion is refused because it has expired");
    }

    #[test]
    fn where_there_is_no_room_nothing_is_forgotten_early() {
        let (replays, until, ms) = (Replays::default(), now() + TimeDelta::minutes(5), TimeDelta::milliseconds(1));
        let accept =
            |client: &str, id: u32, at| replays.accept(client, &id.to_string(), at + TimeDelta::minutes(5), at);
        for id in 0..HELD_OF_CLIENT_MAX {
            assert_eq!(accept("busy", id, now()), Ok(()));
        }
        let full = |at| Err(Unaccepted::Full(at + FORGETTING_PAUSE));
        assert_eq!(accept("busy", u32::MAX, now()), full(now()));
        assert_eq!(accept("busy", 0, now()), Err(Unaccepted::Used), "what was used stays so");
        assert_eq!(accept("other", 0, now()), Ok(()), "others have their own room");
        assert_eq!(accept("busy", u32::MAX, until - ms), full(until - ms));
        assert_eq!(accept("busy", u32::MAX, until + FORGETTING_PAUSE), Ok(()));
    }

    #[test]
    fn memory_is_bounded_for_all_together() {
        let replays = Replays::default();
        let until = now() + TimeDelta::minutes(5);
        let clients = HELD_MAX / HELD_OF_CLIENT_MAX as usize;
        for client in 0..clients {
            for id in 0..HELD_OF_CLIENT_MAX {
                assert_eq!(replays.accept(&client.to_string(), &id.to_string(), until, now()), Ok(()));
            }
        }
        let more = replays.accept("one more", "1", until, now());
        assert!(matches!(more, Err(Unaccepted::Full(_))), "{more:?}");
        assert_eq!(replays.0.lock().used.len(), HELD_MAX);
        assert_eq!(replays.accept("one more", "1", until, until), Ok(()));
        assert_eq!(replays.0.lock().used.len(), 1, "expired ones are gone, and their clients");
        assert_eq!(replays.0.lock().clients.len(), 1);
    }
}
