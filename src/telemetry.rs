//! What operators see: counters in Prometheus text. Counted in atomics; never labelled by an application.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use devhub_decision::{Environment, Reason, Stage};

use devhub_proto::v1::CredentialVerdict;

use crate::access::class::Class;
use crate::access::proof::Check;
use crate::gateway::Fleet;
use crate::gateway::request::Misread;
use crate::hub::Hub;
use crate::listener::Full;

/// What verifications of credentials end in, by its label.
const VERDICTS: [(CredentialVerdict, &str); 3] = [
    (CredentialVerdict::Valid, "VALID"),
    (CredentialVerdict::Invalid, "INVALID"),
    (CredentialVerdict::Unusable, "UNUSABLE"),
];

/// Counters of one hub.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Counters>);

/// A count for each check of credentials; there are more than the library makes defaults for.
struct PerCheck([AtomicU64; Check::ALL.len()]);

impl Default for PerCheck {
    fn default() -> PerCheck {
        PerCheck([const { AtomicU64::new(0) }; Check::ALL.len()])
    }
}

impl PerCheck {
    fn count(&self, check: Check) {
        self.0[check as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> impl Iterator<Item = (Check, u64)> {
        self.0.iter().zip(Check::ALL).map(|(count, check)| (*check, count.load(Ordering::Relaxed)))
    }
}

#[derive(Default)]
struct Counters {
    decisions: [AtomicU64; Reason::ALL.len()],
    verifications: [AtomicU64; VERDICTS.len()],
    misread: [AtomicU64; Misread::NAMES.len()],
    syncs: [AtomicU64; SyncCount::ALL.len()],
    decisions_logged: AtomicU64,
    decisions_lost: AtomicU64,
    sync_gauges: [AtomicU64; SyncGauge::ALL.len()],
    fleet: OnceLock<Fleet>,
    access_refused: PerCheck,
    assertions_refused: PerCheck,
    access_troubles: [AtomicU64; AccessTrouble::ALL.len()],
    turned_away: [AtomicU64; Full::ALL.len()],
    not_accepted: AtomicU64,
    running: [AtomicU64; Class::ALL.len()],
    shed: [AtomicU64; Class::ALL.len()],
    late: [AtomicU64; Class::ALL.len()],
}

/// One more call under way, for as long as this lives.
pub struct Running(Metrics, Class);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running[self.1 as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

/// What goes wrong with callers' credentials before any is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessTrouble {
    /// A caller did not get through the handshake.
    Handshake,
    /// The listeners' certificate could not be replaced.
    Certificate,
    /// The keys of an issuer could not be replaced.
    Keys,
}

impl AccessTrouble {
    /// All of them.
    pub const ALL: [AccessTrouble; 3] = [AccessTrouble::Handshake, AccessTrouble::Certificate, AccessTrouble::Keys];

    const fn label(self) -> &'static str {
        match self {
            AccessTrouble::Handshake => "HANDSHAKE",
            AccessTrouble::Certificate => "CERTIFICATE",
            AccessTrouble::Keys => "KEYS",
        }
    }
}

/// What is counted of gateways that follow the decision table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncCount {
    /// One began anew.
    Snapshot,
    /// One went on where it was.
    Resumed,
    /// One was cut off because it did not keep up.
    Cut,
}

impl SyncCount {
    /// All of them.
    pub const ALL: [SyncCount; 3] = [SyncCount::Snapshot, SyncCount::Resumed, SyncCount::Cut];

    const fn label(self) -> &'static str {
        match self {
            SyncCount::Snapshot => "SNAPSHOT",
            SyncCount::Resumed => "RESUMED",
            SyncCount::Cut => "CUT",
        }
    }
}

/// What there is at a time of gateways that follow the decision table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncGauge {
    /// Those that have a stream.
    Streams,
    /// Those that are being sent a snapshot.
    SnapshotsRunning,
    /// Those that wait for others to be sent theirs.
    SnapshotsWaiting,
}

impl SyncGauge {
    /// All of them.
    pub const ALL: [SyncGauge; 3] = [SyncGauge::Streams, SyncGauge::SnapshotsRunning, SyncGauge::SnapshotsWaiting];

    const fn metric(self) -> (&'static str, &'static str) {
        match self {
            SyncGauge::Streams => ("devhub_sync_streams", "Gateways that follow the decision table."),
            SyncGauge::SnapshotsRunning => ("devhub_sync_snapshots_running", "Snapshots that are being sent."),
            SyncGauge::SnapshotsWaiting => {
                ("devhub_sync_snapshots_waiting", "Gateways whose snapshot waits for those of others.")
            }
        }
    }
}

/// One more of something, for as long as this lives.
pub struct SyncPresence(Metrics, SyncGauge);

impl Drop for SyncPresence {
    fn drop(&mut self) {
        self.0.0.sync_gauges[self.1 as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts a decision.
    pub fn decided(&self, reason: Reason) {
        self.0.decisions[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts samples in the log of decisions.
    pub fn decisions_logged(&self, samples: u64) {
        self.0.decisions_logged.fetch_add(samples, Ordering::Relaxed);
    }

    /// Counts samples that did not come into the log of decisions.
    pub fn decisions_lost(&self, samples: u64) {
        self.0.decisions_lost.fetch_add(samples, Ordering::Relaxed);
    }

    /// How many samples came into the log of decisions, and how many did not.
    pub fn decision_samples(&self) -> (u64, u64) {
        (self.0.decisions_logged.load(Ordering::Relaxed), self.0.decisions_lost.load(Ordering::Relaxed))
    }

    /// Counts a call that could not be judged.
    pub fn misread(&self, misread: &Misread) {
        for (count, name) in self.0.misread.iter().zip(Misread::NAMES) {
            if name == misread.name() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts what became of a gateway that follows the decision table.
    pub fn synced(&self, what: SyncCount) {
        self.0.syncs[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was counted.
    pub fn syncs(&self, what: SyncCount) -> u64 {
        self.0.syncs[what as usize].load(Ordering::Relaxed)
    }

    /// Counts one more for as long as the answer lives.
    pub fn sync_gauge(&self, gauge: SyncGauge) -> SyncPresence {
        self.0.sync_gauges[gauge as usize].fetch_add(1, Ordering::Relaxed);
        SyncPresence(self.clone(), gauge)
    }

    /// Tells of these gateways from now on; there is one fleet in the life of a hub.
    pub fn tell_of(&self, fleet: Fleet) {
        let _ = self.0.fleet.set(fleet);
    }

    /// Counts a caller who was refused.
    pub fn access_refused(&self, check: Check) {
        self.0.access_refused.count(check);
    }

    /// Counts an assertion that proved nothing.
    pub fn assertion_refused(&self, check: Check) {
        self.0.assertions_refused.count(check);
    }

    /// Counts a trouble with credentials.
    pub fn access_trouble(&self, trouble: AccessTrouble) {
        self.0.access_troubles[trouble as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that found no place.
    pub fn turned_away(&self, full: Full) {
        self.0.turned_away[full as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that the machine had no room for.
    pub fn not_accepted(&self) {
        self.0.not_accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call as under way for as long as the answer lives.
    pub fn running(&self, class: Class) -> Running {
        self.0.running[class as usize].fetch_add(1, Ordering::Relaxed);
        Running(self.clone(), class)
    }

    /// Counts a call that found no place.
    pub fn shed(&self, class: Class) {
        self.0.shed[class as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call that was not done by its deadline.
    pub fn late(&self, class: Class) {
        self.0.late[class as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// What was made of connections and calls, as Prometheus text.
    pub(crate) fn crowds(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, label: &str, values: &[(&str, &AtomicU64)]| {
            text += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (value, count) in values {
                text += &format!("{name}{{{label}=\"{value}\"}} {}\n", count.load(Ordering::Relaxed));
            }
        };
        let counts = &self.0;
        let full: Vec<_> = Full::ALL.iter().map(|full| full.label()).zip(&counts.turned_away).collect();
        let help = "Connections closed at once: there was no place for them.";
        family("devhub_connections_turned_away_total", "counter", help, "limit", &full);
        let help = "Connections that the machine had no room for.";
        family("devhub_connections_not_accepted_total", "counter", help, "cause", &[("SYSTEM", &counts.not_accepted)]);
        for (name, kind, help, values) in [
            ("devhub_calls_running", "gauge", "Calls under way that have a place.", &counts.running),
            ("devhub_calls_shed_total", "counter", "Calls refused: there was no place for them.", &counts.shed),
            ("devhub_calls_late_total", "counter", "Calls that were not done by their deadline.", &counts.late),
        ] {
            let values: Vec<_> = Class::ALL.iter().map(|class| class.name()).zip(values).collect();
            family(name, kind, help, "class", &values);
        }
        text
    }

    /// Counts a verification of credentials.
    pub fn verified(&self, verdict: CredentialVerdict) {
        for (count, (known, _)) in self.0.verifications.iter().zip(VERDICTS) {
            if known == verdict {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// What was judged, as Prometheus text: all that whoever judges without a hub's store has to tell.
    pub fn render_judged(&self) -> String {
        self.decisions() + &self.misreads()
    }

    fn decisions(&self) -> String {
        let mut text = String::from("# HELP devhub_decisions_total Decisions by verdict and reason.\n");
        text += "# TYPE devhub_decisions_total counter\n";
        for reason in Reason::ALL {
            let count = self.0.decisions[reason as usize].load(Ordering::Relaxed);
            let verdict = reason.verdict();
            text += &format!("devhub_decisions_total{{verdict=\"{verdict}\",reason=\"{reason}\"}} {count}\n");
        }
        text
    }

    fn misreads(&self) -> String {
        let mut text =
            String::from("# HELP devhub_calls_misread_total Calls at gateways that were denied unjudged, by reason.\n");
        text += "# TYPE devhub_calls_misread_total counter\n";
        for (count, reason) in self.0.misread.iter().zip(Misread::NAMES) {
            let count = count.load(Ordering::Relaxed);
            text += &format!("devhub_calls_misread_total{{reason=\"{reason}\"}} {count}\n");
        }
        text
    }

    /// All metrics as Prometheus text, those of `hub` as of now.
    pub fn render(&self, hub: &Hub) -> String {
        let mut text = self.decisions();
        let mut line =
            |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("writing to a string never fails");
        line(format_args!("# HELP devhub_credentials_verified_total Verifications of credentials by verdict."));
        line(format_args!("# TYPE devhub_credentials_verified_total counter"));
        for (count, (_, verdict)) in self.0.verifications.iter().zip(VERDICTS) {
            let count = count.load(Ordering::Relaxed);
            line(format_args!("devhub_credentials_verified_total{{verdict=\"{verdict}\"}} {count}"));
        }
        line(format_args!("{}", self.misreads().trim_end()));
        line(format_args!("# HELP devhub_syncs_total What became of gateways that follow the decision table."));
        line(format_args!("# TYPE devhub_syncs_total counter"));
        for what in SyncCount::ALL {
            line(format_args!("devhub_syncs_total{{what=\"{}\"}} {}", what.label(), self.syncs(what)));
        }
        line(format_args!("# HELP devhub_callers_refused_total Callers refused, by the check that they failed."));
        line(format_args!("# TYPE devhub_callers_refused_total counter"));
        for (check, count) in self.0.access_refused.counts() {
            line(format_args!("devhub_callers_refused_total{{check=\"{}\"}} {count}", check.label()));
        }
        line(format_args!("# HELP devhub_assertions_refused_total Assertions refused, by the check that they failed."));
        line(format_args!("# TYPE devhub_assertions_refused_total counter"));
        for (check, count) in self.0.assertions_refused.counts() {
            line(format_args!("devhub_assertions_refused_total{{check=\"{}\"}} {count}", check.label()));
        }
        line(format_args!(
            "# HELP devhub_access_troubles_total Handshakes, certificates and keys that came to nothing."
        ));
        line(format_args!("# TYPE devhub_access_troubles_total counter"));
        for (count, trouble) in self.0.access_troubles.iter().zip(AccessTrouble::ALL) {
            let count = count.load(Ordering::Relaxed);
            line(format_args!("devhub_access_troubles_total{{what=\"{}\"}} {count}", trouble.label()));
        }
        line(format_args!("{}", self.crowds().trim_end()));
        let usage = hub.usage().figures();
        let first_uses_not_kept = hub.first_uses().not_kept();
        let (logged, lost) = self.decision_samples();
        for (name, help, value) in [
            ("decision_samples", "Decisions sampled into the log of decisions.", logged),
            ("decision_samples_lost", "Sampled decisions that found no room, or could not be written.", lost),
            ("usage_calls", "Calls of subscribers counted.", usage.counted),
            ("usage_calls_not_counted", "Calls not counted: usage_entries_max was reached.", usage.not_counted),
            ("usage_flushes_failed", "Flushes of usage that failed and will be repeated.", usage.flushes_failed),
            ("first_uses_recorded", "First uses of installations recorded.", hub.first_uses().recorded()),
            ("first_uses_not_kept", "First uses that found no room; the next call repeats them.", first_uses_not_kept),
            (
                "notices_given",
                "Notices given, each to the administrators of one application or company.",
                hub.notices_given(),
            ),
            ("unused_applications_deleted", "Applications deleted because nobody used them.", hub.deleted_unused()),
        ] {
            let name = format!("devhub_{name}_total");
            line(format_args!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}"));
        }
        let head = hub.store().head();
        let mut gauge = |name: &str, help: &str, value: u64| {
            line(format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"));
        };
        gauge("devhub_store_revision", "Revision of the newest commit.", head.revision);
        gauge("devhub_table_revision", "Revision that the decision table has reached.", hub.table().revision());
        for (what, count) in SyncGauge::ALL.into_iter().zip(&self.0.sync_gauges) {
            let (name, help) = what.metric();
            gauge(name, help, count.load(Ordering::Relaxed));
        }
        let lag = self.0.fleet.get().map(|fleet| fleet.lag_max(hub.change_log().newest().revision));
        let help = "Revisions that the gateway furthest behind had not applied at its last ping.";
        gauge("devhub_sync_lag_max_revisions", help, lag.unwrap_or_default());
        let counts = hub.table().counts();
        gauge("devhub_table_versions", "Deployed versions in the decision table.", counts.versions as u64);
        gauge("devhub_table_applications", "Applications in the decision table.", counts.applications as u64);
        gauge("devhub_table_subscriptions", "Open subscriptions in the decision table.", counts.subscriptions as u64);
        gauge("devhub_usage_entries", "Subscriptions with calls that are not flushed yet.", usage.held);
        gauge("devhub_first_uses", "First uses that are not recorded yet.", hub.first_uses().held() as u64);
        let (due, planned) = hub.index().notices_waiting(hub.now());
        gauge(
            "devhub_notices_due",
            "Schedules, announcements and the class of service accounts with notices due and not given.",
            due as u64,
        );
        gauge(
            "devhub_notices_planned",
            "Schedules, announcements and the class of service accounts with notices to come only.",
            planned as u64,
        );
        let unused = hub.index().unused_count() as u64;
        gauge("devhub_unused_applications", "Applications to be deleted because nobody uses them.", unused);
        let (waiting, unacknowledged, broken) = hub.proposals_waiting(hub.now());
        gauge("devhub_proposals_waiting", "Proposals that wait for a second person.", waiting);
        let help = "Proposals done by breaking the glass that nobody else has acknowledged.";
        gauge("devhub_break_glass_unacknowledged", help, unacknowledged);
        gauge("devhub_break_glass_codes_used", "Break-glass codes used since the store was laid out.", broken);
        let held = u64::from(hub.is_held());
        gauge("devhub_restore_unconfirmed", "1 while a restore waits to be confirmed, else 0.", held);
        let writable = u64::from(hub.store().write_trouble().is_none());
        gauge("devhub_store_writable", "1 while commits are accepted, 0 while they are not.", writable);
        line(format_args!("# HELP devhub_versions Deployed versions by environment and stage."));
        line(format_args!("# TYPE devhub_versions gauge"));
        let standings = hub.index().standings(hub.now());
        for environment in Environment::ALL {
            for stage in Stage::ALL {
                let count = standings.get(&(environment, stage)).copied().unwrap_or_default();
                line(format_args!("devhub_versions{{environment=\"{environment}\",stage=\"{stage}\"}} {count}"));
            }
        }
        text
    }
}
