//! What operators of a gateway see of its replica: Prometheus text. Labels have closed sets of values and never name an
//! application, so a replica makes as many series on its last day as on its first.

use std::fmt::Write as _;
use std::time::Duration;

use devhub_decision::Reason;

use crate::health::{Figures, Health, Unready};

/// Figures, health and revision of a replica as Prometheus text:
///
/// - `devhub_replica_decisions_total{verdict,reason}` and `devhub_replica_undecided_total{reason}`: what calls were told
/// - `devhub_replica_serving`: 1 while it decides by what the hub said lately; alert on 0
/// - `devhub_replica_lease_seconds`: how long it decides without another word of the hub
/// - `devhub_replica_health{state}`: 1 for the state that it is in: `SERVING`, `STALE`, or why it does not decide
/// - `devhub_replica_revision`: what it decides from; beside `devhub_table_revision` of the hub, how far it is behind
/// - `devhub_replica_divergences_total`: 0, or there is a defect
/// - and counters of streams, snapshots, deltas, rows, pongs, and calls reported and lost
pub fn render(figures: &Figures, health: Health, lease_left: Duration, revision: u64) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a string never fails.
        let _ = writeln!(text, "{line}");
    };
    line(format_args!("# HELP devhub_replica_decisions_total Calls decided by verdict and reason."));
    line(format_args!("# TYPE devhub_replica_decisions_total counter"));
    for (reason, count) in Reason::ALL.into_iter().zip(figures.decided_by) {
        let verdict = reason.verdict();
        line(format_args!("devhub_replica_decisions_total{{verdict=\"{verdict}\",reason=\"{reason}\"}} {count}"));
    }
    line(format_args!("# HELP devhub_replica_undecided_total Calls not decided, by what stood in the way."));
    line(format_args!("# TYPE devhub_replica_undecided_total counter"));
    for (unready, count) in Unready::ALL.into_iter().zip(figures.undecided_by) {
        line(format_args!("devhub_replica_undecided_total{{reason=\"{}\"}} {count}", unready.name()));
    }
    for (name, help, value) in [
        ("decided_stale", "Calls decided after the lease had run out.", figures.decided_stale),
        ("connects", "Streams begun.", figures.connects),
        ("snapshots", "Snapshots applied.", figures.snapshots),
        ("deltas", "Deltas applied.", figures.deltas),
        ("rows", "Rows received.", figures.rows),
        ("divergences", "Times at which the rows differed from the hub's.", figures.divergences),
        ("pongs", "Answers to pings.", figures.pongs),
        ("calls_reported", "Calls of subscribers that the hub was told of.", figures.calls_reported),
        ("calls_lost", "Calls of subscribers that the hub is never told of.", figures.calls_lost),
    ] {
        let name = format!("devhub_replica_{name}_total");
        line(format_args!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}"));
    }
    let states = Unready::ALL.map(|unready| (unready.name(), Health::Unready(unready)));
    let states = [("SERVING", Health::Serving), ("STALE", Health::Stale)].into_iter().chain(states);
    line(format_args!("# HELP devhub_replica_health Whether it decides, and if not, why not."));
    line(format_args!("# TYPE devhub_replica_health gauge"));
    // These two are about a question, and never about the replica.
    let of_questions = [Unready::OtherEnvironment, Unready::OtherContext].map(Health::Unready);
    for (name, state) in states.filter(|(_, state)| !of_questions.contains(state)) {
        line(format_args!("devhub_replica_health{{state=\"{name}\"}} {}", u64::from(state == health)));
    }
    for (name, help, value) in [
        ("serving", "1 while it decides by what the hub said lately.", u64::from(health == Health::Serving)),
        ("revision", "Revision of the table that it decides from.", revision),
    ] {
        let name = format!("devhub_replica_{name}");
        line(format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"));
    }
    line(format_args!("# HELP devhub_replica_lease_seconds How long it decides without another word of the hub."));
    line(format_args!("# TYPE devhub_replica_lease_seconds gauge"));
    line(format_args!("devhub_replica_lease_seconds {:.3}", lease_left.as_secs_f64()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_state_is_told_and_every_reason_has_a_series() {
        let mut figures = Figures { connects: 7, ..Figures::default() };
        figures.decided_by[Reason::NotSubscribed as usize] = 3;
        figures.undecided_by[Unready::ClockOff as usize] = 2;
        let left = Duration::from_millis(1500);
        let text = render(&figures, Health::Unready(Unready::ClockOff), left, 41);
        for expected in [
            "devhub_replica_decisions_total{verdict=\"DENY\",reason=\"NOT_SUBSCRIBED\"} 3",
            "devhub_replica_undecided_total{reason=\"CLOCK_OFF\"} 2",
            "devhub_replica_connects_total 7",
            "devhub_replica_health{state=\"CLOCK_OFF\"} 1",
            "devhub_replica_health{state=\"SERVING\"} 0",
            "devhub_replica_serving 0",
            "devhub_replica_revision 41",
            "devhub_replica_lease_seconds 1.500",
        ] {
            assert!(text.lines().any(|line| line == expected), "{expected} in\n{text}");
        }
        assert_eq!(text.matches("devhub_replica_health{").count(), 7);
        assert_eq!(text.lines().filter(|line| line.ends_with("} 1")).count(), 1, "{text}");
        assert_eq!(text.matches("devhub_replica_decisions_total{").count(), Reason::ALL.len());
    }
}
