//! Judging what is said of connections and calls: how many there may be, and how long they may take.

use std::time::Duration;

use super::value::Values;
use super::{Config, Crowding, TrafficLimits};
use crate::gateway::http::HEAD_BYTES_MAX;
use crate::listener::Bounds;

/// Most calls of a class at a time, and most that wait.
const CALLS_MAX: u32 = 65_536;

impl TrafficLimits {
    /// What connections to `listen` may cost.
    pub(crate) fn calls(&self, config: &Config) -> Bounds {
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        Bounds {
            connections_max: config.access.connections_max,
            per_peer_max: self.connections_per_peer,
            streams_max: config.max_streams_per_connection,
            head_bytes_max: self.head_bytes_max,
            handshake: seconds(self.handshake_seconds),
            first_request: seconds(self.first_request_seconds),
            idle: seconds(self.idle_seconds),
            age: (self.age_seconds > 0).then(|| seconds(self.age_seconds)),
            grace: seconds(self.grace_seconds),
        }
    }

    /// What connections to `gateway_listen` may cost. They do not age: of a connection of HTTP/1 that is closed between two
    /// questions the second may be lost.
    pub(crate) fn questions(&self, config: &Config) -> Bounds {
        let connections_max = config.gateway.connections_max;
        Bounds { connections_max, streams_max: 1, head_bytes_max: HEAD_BYTES_MAX, age: None, ..self.calls(config) }
    }
}

impl Values<'_> {
    /// How many connections and calls there may be, and how long they may take.
    pub(super) fn limits(&mut self) -> Option<TrafficLimits> {
        let connections_per_peer = self.number("limits_connections_per_peer", 1..=65_536);
        let handshake_seconds = self.number("limits_handshake_seconds", 1..=60);
        let first_request_seconds = self.number("limits_first_request_seconds", 1..=3600);
        let idle_seconds = self.number("limits_idle_seconds", 1..=86_400);
        let age_seconds = self.number("limits_age_seconds", 0..=604_800);
        let grace_seconds = self.number("limits_grace_seconds", 1..=3600);
        let head_bytes_max = self.number("limits_head_bytes_max", 1024..=65_536);
        let decisions = self.crowding("limits_decisions");
        let portal = self.crowding("limits_portal");
        let operators = self.crowding("limits_operators");
        let lists = self.crowding("limits_lists");
        let deadline_required = self.switch("limits_deadline_required");
        let decision_milliseconds_max = self.number("limits_decision_milliseconds_max", 1..=60_000);
        let list_seconds_max = self.number("limits_list_seconds_max", 1..=300);
        let decision_bytes_max = self.number("limits_decision_bytes_max", 1024..=4_194_304);
        Some(TrafficLimits {
            connections_per_peer: connections_per_peer?,
            handshake_seconds: handshake_seconds?,
            first_request_seconds: first_request_seconds?,
            idle_seconds: idle_seconds?,
            age_seconds: age_seconds?,
            grace_seconds: grace_seconds?,
            head_bytes_max: head_bytes_max?,
            decisions: decisions?,
            portal: portal?,
            operators: operators?,
            lists: lists?,
            deadline_required: deadline_required?,
            decision_milliseconds_max: decision_milliseconds_max?,
            list_seconds_max: list_seconds_max?,
            decision_bytes_max: decision_bytes_max?,
        })
    }

    fn crowding(&mut self, name: &'static str) -> Option<Crowding> {
        let crowding = crowding(self.text(name));
        if crowding.is_none() {
            let limit = format!(
                "it must be how many calls run and how many wait, 1 to {CALLS_MAX} and 0 to {CALLS_MAX}, with a + between"
            );
            self.wrong(name, &limit, "write it like 64+64");
        }
        crowding
    }
}

fn crowding(text: &str) -> Option<Crowding> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let (running, waiting) = text.split_once('+')?;
    let crowding = Crowding { running: number(running)?, waiting: number(waiting)? };
    ((1..=CALLS_MAX).contains(&crowding.running) && crowding.waiting <= CALLS_MAX).then_some(crowding)
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;
    use super::*;

    #[test]
    fn every_limit_has_the_default_of_the_documentation() {
        let config = load(&[]).expect("defaults");
        let of = |running, waiting| Crowding { running, waiting };
        let expected = TrafficLimits {
            connections_per_peer: 256,
            handshake_seconds: 5,
            first_request_seconds: 10,
            idle_seconds: 300,
            age_seconds: 1800,
            grace_seconds: 30,
            head_bytes_max: 16_384,
            decisions: of(512, 256),
            portal: of(64, 64),
            operators: of(16, 16),
            lists: of(8, 16),
            deadline_required: true,
            decision_milliseconds_max: 200,
            list_seconds_max: 30,
            decision_bytes_max: 65_536,
        };
        assert_eq!(config.limits, expected);
        assert_eq!(config.limits.calls(&config).age, Some(Duration::from_secs(1800)));
        assert_eq!(config.limits.questions(&config).age, None);
        let ageless = load(&[("limits_age_seconds", "0")]).expect("a limit");
        assert_eq!(ageless.limits.calls(&ageless).age, None);
    }

    #[test]
    fn every_wrong_limit_is_a_sentence_that_names_it() {
        for (name, value) in [
            ("limits_connections_per_peer", "0"),
            ("limits_handshake_seconds", "61"),
            ("limits_first_request_seconds", "0"),
            ("limits_idle_seconds", "0"),
            ("limits_age_seconds", "604801"),
            ("limits_grace_seconds", "0"),
            ("limits_head_bytes_max", "1023"),
            ("limits_decisions", "0+1"),
            ("limits_portal", "64"),
            ("limits_operators", "64+"),
            ("limits_operators", "+1+1"),
            ("limits_lists", "65537+1"),
            ("limits_lists", "1+65537"),
            ("limits_lists", "1 + 1"),
            ("limits_deadline_required", "yes"),
            ("limits_decision_milliseconds_max", "0"),
            ("limits_list_seconds_max", "301"),
            ("limits_decision_bytes_max", "1"),
        ] {
            let sentence = load(&[(name, value)]).expect_err(name);
            assert!(sentence.starts_with(&format!("{name} ")), "{sentence}");
            assert!(sentence.lines().count() == 1 && sentence.contains("; "), "one sentence with a remedy: {sentence}");
        }
        let config = load(&[("limits_lists", "1+0")]).expect("nobody waits");
        assert_eq!(config.limits.lists, Crowding { running: 1, waiting: 0 });
    }
}
