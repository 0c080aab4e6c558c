//! Phases.

use chrono::{DateTime, Utc};

use crate::domain::installation::Interval;

/// How far the migration of one company away from its accounts for one application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nobody has said whose the account is, so nobody can be asked to replace it (rule B82).
    BlockedUnknownOwner,
    /// The developer has nothing to install yet.
    NotStarted,
    /// A version with a service account is in production; the company has to install it.
    DeveloperReady,
    /// Installed beside the old account.
    Installed,
    /// The new identity has called in the company; the old account is still there.
    CutoverConfirmed,
    /// The old account is removed and the new identity installed: complete.
    OldAccountRemoved,
    /// The sunset ended the old account, the new identity was installed in time: complete (rule B85).
    CompleteBySunset,
    /// Installed only after the sunset had stopped the old account: complete, too late.
    CompleteLate,
    /// The sunset came first: calls fail.
    Expired,
    /// The old account is removed and nothing is installed: the company no longer uses the application.
    Discontinued,
}

impl Phase {
    /// All, in the order in which people read them.
    pub const ALL: [Phase; 10] = [
        Phase::BlockedUnknownOwner,
        Phase::NotStarted,
        Phase::DeveloperReady,
        Phase::Installed,
        Phase::CutoverConfirmed,
        Phase::OldAccountRemoved,
        Phase::CompleteBySunset,
        Phase::CompleteLate,
        Phase::Expired,
        Phase::Discontinued,
    ];

    /// The name used in files, on the command line and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::BlockedUnknownOwner => "BLOCKED_UNKNOWN_OWNER",
            Phase::NotStarted => "NOT_STARTED",
            Phase::DeveloperReady => "DEVELOPER_READY",
            Phase::Installed => "INSTALLED",
            Phase::CutoverConfirmed => "CUTOVER_CONFIRMED",
            Phase::OldAccountRemoved => "OLD_ACCOUNT_REMOVED",
            Phase::CompleteBySunset => "COMPLETE_BY_SUNSET",
            Phase::CompleteLate => "COMPLETE_LATE",
            Phase::Expired => "EXPIRED",
            Phase::Discontinued => "DISCONTINUED",
        }
    }

    /// Its place in [`Phase::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the sunset would stop, or has stopped, the company's calls: nothing is installed that could go on.
    pub const fn is_at_risk(self) -> bool {
        match self {
            Phase::BlockedUnknownOwner | Phase::NotStarted | Phase::DeveloperReady | Phase::Expired => true,
            Phase::Installed
            | Phase::CutoverConfirmed
            | Phase::OldAccountRemoved
            | Phase::CompleteBySunset
            | Phase::CompleteLate
            | Phase::Discontinued => false,
        }
    }

    /// Whether nothing is left to do.
    pub const fn is_finished(self) -> bool {
        match self {
            Phase::BlockedUnknownOwner
            | Phase::NotStarted
            | Phase::DeveloperReady
            | Phase::Installed
            | Phase::CutoverConfirmed
            | Phase::Expired => false,
            Phase::OldAccountRemoved | Phase::CompleteBySunset | Phase::CompleteLate | Phase::Discontinued => true,
        }
    }

    /// Whose turn it is, and what to do, in a sentence; none if nothing is left.
    pub const fn next_step(self) -> Option<&'static str> {
        match self {
            Phase::BlockedUnknownOwner => Some("The company says which application the account is for."),
            Phase::NotStarted => {
                Some("The developer declares a service account in a version of the application and promotes it.")
            }
            Phase::DeveloperReady => Some("An administrator of the company installs the application."),
            Phase::Installed => Some(
                "The developer calls with the application's credentials and names the company; then the company removes the old account.",
            ),
            Phase::CutoverConfirmed => Some(
                "An administrator of the company removes the old account: safe once its last use lies 30 days back.",
            ),
            Phase::Expired => Some(
                "Calls fail: an administrator of the company installs the application, or an operator grants an extension.",
            ),
            Phase::OldAccountRemoved | Phase::CompleteBySunset | Phase::CompleteLate | Phase::Discontinued => None,
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// When things happened to one traditional service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountTimes {
    /// It was created.
    pub created_at: DateTime<Utc>,
    /// Somebody said whose it is.
    pub classified_at: Option<DateTime<Utc>>,
    /// It was removed.
    pub removed_at: Option<DateTime<Utc>>,
}

/// How long the accounts of a company are accepted past the sunset (rule B88), as it became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownExtension {
    /// Since when that is known: an instant before it is answered without.
    pub known_at: DateTime<Utc>,
    /// The first instant at which they are no longer accepted, if the sunset comes before it.
    pub until: DateTime<Utc>,
}

impl KnownExtension {
    /// Until when they are accepted as far as was known at `at`; `known` is in order.
    pub fn at(known: &[KnownExtension], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        known.iter().rfind(|extension| extension.known_at <= at).map(|extension| extension.until)
    }
}

impl AccountTimes {
    /// Whether it exists at `at` and is not removed.
    pub fn is_live(&self, at: DateTime<Utc>) -> bool {
        self.created_at <= at && self.removed_at.is_none_or(|removed_at| at < removed_at)
    }

    fn is_classified(&self, at: DateTime<Utc>) -> bool {
        self.classified_at.is_some_and(|classified_at| classified_at <= at)
    }
}

/// All that the phase of one application in one company follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MigrationFacts<'f> {
    /// The company's accounts for the application, or the one account of which nobody knows whose it is.
    pub accounts: &'f [AccountTimes],
    /// When a version with a service account first reached production.
    pub ready_at: Option<DateTime<Utc>>,
    /// When such a version was installed in the company, oldest first, and when it first called there each time.
    pub installed: &'f [Interval],
    /// What was granted to the company, and made shorter, in the order in which it became known; the last one counts.
    pub extensions: &'f [KnownExtension],
}

impl MigrationFacts<'_> {
    fn is_installed(&self, at: DateTime<Utc>) -> bool {
        self.installed_in(at).is_some()
    }

    /// The time of being installed that an instant lies in.
    pub fn installed_in(&self, at: DateTime<Utc>) -> Option<&Interval> {
        self.installed.iter().rfind(|interval| interval.contains(at))
    }

    /// Whether what is installed at `at` had called by then.
    fn is_used(&self, at: DateTime<Utc>) -> bool {
        let first = self.installed_in(at).and_then(|interval| interval.first_used_at);
        first.is_some_and(|first_used_at| first_used_at <= at)
    }

    /// The first instant at which the old accounts are no longer accepted, given the sunset of the class, as far as was
    /// known at `at`.
    pub fn ends_at(&self, sunset_at: Option<DateTime<Utc>>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let extended_until = KnownExtension::at(self.extensions, at);
        sunset_at.map(|sunset_at| extended_until.map_or(sunset_at, |until| until.max(sunset_at)))
    }

    /// The phase as long as the old accounts are accepted.
    fn before_sunset(&self, at: DateTime<Utc>) -> Option<Phase> {
        let mut live = self.accounts.iter().filter(|account| account.is_live(at)).peekable();
        if live.peek().is_none() {
            let any = self.accounts.iter().any(|account| account.created_at <= at);
            let phase = if self.is_installed(at) { Phase::OldAccountRemoved } else { Phase::Discontinued };
            return any.then_some(phase);
        }
        Some(if !live.any(|account| account.is_classified(at)) {
            Phase::BlockedUnknownOwner
        } else if self.is_installed(at) {
            if self.is_used(at) { Phase::CutoverConfirmed } else { Phase::Installed }
        } else if self.ready_at.is_some_and(|ready_at| ready_at <= at) {
            Phase::DeveloperReady
        } else {
            Phase::NotStarted
        })
    }
}

/// The phase at `at`, given the sunset that was public then; none before the first account exists.
///
/// Falling back is possible before the sunset (rule B89): a company that uninstalls is DEVELOPER_READY again, and only
/// INSTALLED when it installs again, until the application calls again. The sunset
/// closes what was installed (rule B85); what was not expires, and may still be completed late.
pub fn phase(facts: &MigrationFacts<'_>, sunset_at: Option<DateTime<Utc>>, at: DateTime<Utc>) -> Option<Phase> {
    let Some(ends_at) = facts.ends_at(sunset_at, at).filter(|ends_at| *ends_at <= at) else {
        return facts.before_sunset(at);
    };
    Some(match facts.before_sunset(ends_at) {
        // An account that was brought here after its end tells only that.
        None => return facts.accounts.iter().any(|account| account.created_at <= at).then_some(Phase::Expired),
        Some(Phase::Installed | Phase::CutoverConfirmed) => Phase::CompleteBySunset,
        Some(finished @ (Phase::OldAccountRemoved | Phase::Discontinued)) => finished,
        Some(Phase::BlockedUnknownOwner | Phase::NotStarted | Phase::DeveloperReady) if facts.is_installed(at) => {
            Phase::CompleteLate
        }
        Some(
            Phase::BlockedUnknownOwner
            | Phase::NotStarted
            | Phase::DeveloperReady
            | Phase::CompleteBySunset
            | Phase::CompleteLate
            | Phase::Expired,
        ) => Phase::Expired,
    })
}

/// Every instant at which the phase may change, the sunset apart: what lies between two of them has one phase.
pub fn instants(facts: &MigrationFacts<'_>) -> impl Iterator<Item = DateTime<Utc>> {
    let accounts = facts.accounts.iter().flat_map(|account| {
        [Some(account.created_at), account.classified_at, account.removed_at].into_iter().flatten()
    });
    let installed = facts
        .installed
        .iter()
        .flat_map(|interval| [Some(interval.from), interval.until, interval.first_used_at].into_iter().flatten());
    let extensions = facts.extensions.iter().flat_map(|extension| [extension.known_at, extension.until]);
    accounts.chain(installed).chain(facts.ready_at).chain(extensions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(day * 86_400, 0).expect("a day")
    }

    fn account(created: i64, classified: Option<i64>, removed: Option<i64>) -> AccountTimes {
        AccountTimes { created_at: day(created), classified_at: classified.map(day), removed_at: removed.map(day) }
    }

    /// Installed from day to day, and first used on the first of these days that lies in it.
    fn installed(times: &[(i64, Option<i64>)], used: &[i64]) -> Vec<Interval> {
        let interval = |(from, until): &(i64, Option<i64>)| {
            let time = Interval { from: day(*from), until: until.map(day), service_account: true, first_used_at: None };
            Interval { first_used_at: used.iter().map(|used| day(*used)).find(|used| time.contains(*used)), ..time }
        };
        times.iter().map(interval).collect()
    }

    type Story<'s> = (&'s str, AccountTimes, Option<i64>, &'s [(i64, Option<i64>)], &'s [i64], &'s [(i64, &'s str)]);

    /// Migrations as a product person reads them: the account, when the developer was ready, from when until when it was
    /// installed, when it was first used; and the phase on some days, of which the tenth is that of the sunset.
    #[test]
    fn b81_b82_b85_b89_x12_phases_follow_from_what_happened() {
        let known = account(1, Some(1), None);
        let removed = |day| account(1, Some(1), Some(day));
        let stories: [Story<'_>; 13] = [
            ("no account yet", account(2, Some(2), None), None, &[], &[], &[(1, "-"), (2, "NOT_STARTED")]),
            (
                "B82 classified",
                account(1, Some(5), None),
                None,
                &[],
                &[],
                &[(4, "BLOCKED_UNKNOWN_OWNER"), (5, "NOT_STARTED")],
            ),
            ("promoted", known, Some(6), &[], &[], &[(5, "NOT_STARTED"), (6, "DEVELOPER_READY")]),
            (
                "B82 never classified",
                account(1, None, None),
                Some(2),
                &[],
                &[],
                &[(9, "BLOCKED_UNKNOWN_OWNER"), (10, "EXPIRED")],
            ),
            (
                "the whole way",
                removed(9),
                Some(2),
                &[(3, None)],
                &[7],
                &[(3, "INSTALLED"), (7, "CUTOVER_CONFIRMED"), (9, "OLD_ACCOUNT_REMOVED"), (10, "OLD_ACCOUNT_REMOVED")],
            ),
            (
                "B89 fell back",
                known,
                Some(2),
                &[(3, Some(5))],
                &[],
                &[(4, "INSTALLED"), (5, "DEVELOPER_READY"), (10, "EXPIRED")],
            ),
            (
                "B85 in the overlap",
                known,
                Some(2),
                &[(3, None)],
                &[4],
                &[(9, "CUTOVER_CONFIRMED"), (10, "COMPLETE_BY_SUNSET")],
            ),
            ("B85 stays closed", known, Some(2), &[(3, Some(12))], &[], &[(13, "COMPLETE_BY_SUNSET")]),
            ("too late", known, Some(2), &[(11, None)], &[], &[(10, "EXPIRED"), (11, "COMPLETE_LATE")]),
            (
                "given up",
                removed(4),
                Some(2),
                &[],
                &[],
                &[(3, "DEVELOPER_READY"), (4, "DISCONTINUED"), (10, "DISCONTINUED")],
            ),
            (
                "B89 fell back, and begins anew",
                known,
                Some(2),
                &[(3, Some(5)), (6, None)],
                &[4, 8],
                &[
                    (3, "INSTALLED"),
                    (4, "CUTOVER_CONFIRMED"),
                    (5, "DEVELOPER_READY"),
                    (6, "INSTALLED"),
                    (7, "INSTALLED"),
                    (8, "CUTOVER_CONFIRMED"),
                    (10, "COMPLETE_BY_SUNSET"),
                ],
            ),
            (
                "B82 used, and nobody knows whose the account is",
                account(1, None, None),
                Some(2),
                &[(3, None)],
                &[4],
                &[(3, "BLOCKED_UNKNOWN_OWNER"), (5, "BLOCKED_UNKNOWN_OWNER")],
            ),
            (
                "used after the sunset only",
                known,
                Some(2),
                &[(11, None)],
                &[12],
                &[(11, "COMPLETE_LATE"), (12, "COMPLETE_LATE")],
            ),
        ];
        for (story, account, ready, installed, used, expected) in stories {
            let installed = super::tests::installed(installed, used);
            let facts = MigrationFacts {
                accounts: &[account],
                ready_at: ready.map(day),
                installed: &installed,
                ..MigrationFacts::default()
            };
            for (at, expected) in expected {
                let phase = super::phase(&facts, Some(day(10)), day(*at)).map_or("-", Phase::name);
                assert_eq!(phase, *expected, "{story}, day {at}");
            }
        }
    }

    #[test]
    fn b81_b85_the_first_call_confirms_the_cutover_to_the_millisecond() {
        let (known, ms) = (account(1, Some(1), None), chrono::TimeDelta::milliseconds(1));
        let used = installed(&[(3, None)], &[4]);
        let unused = installed(&[(3, None)], &[]);
        let at_once = installed(&[(3, None)], &[3]);
        for (installed, at, expected) in [
            (&used, day(4) - ms, Phase::Installed),
            (&used, day(4), Phase::CutoverConfirmed),
            (&used, day(4) + ms, Phase::CutoverConfirmed),
            (&used, day(10) - ms, Phase::CutoverConfirmed),
            (&used, day(10), Phase::CompleteBySunset),
            (&unused, day(10) - ms, Phase::Installed),
            (&unused, day(10), Phase::CompleteBySunset),
            (&at_once, day(3) - ms, Phase::DeveloperReady),
            (&at_once, day(3), Phase::CutoverConfirmed),
        ] {
            let facts =
                MigrationFacts { accounts: &[known], ready_at: Some(day(2)), installed, ..MigrationFacts::default() };
            assert_eq!(super::phase(&facts, Some(day(10)), at), Some(expected), "{at}");
            // What a chart looks at: nothing happens between two of these instants.
            let instants: Vec<_> = instants(&facts).chain([day(10)]).collect();
            let last = instants.iter().copied().filter(|instant| *instant <= at).max().expect("an instant before");
            assert_eq!(super::phase(&facts, Some(day(10)), last), Some(expected), "{last} for {at}");
        }
    }

    #[test]
    fn b84_the_next_step_names_the_days_after_which_a_removal_needs_no_acknowledgement() {
        let days = crate::domain::service_account::RECENT_USE.num_days();
        let step = Phase::CutoverConfirmed.next_step().expect("something is left");
        assert!(step.contains(&format!("{days} days")), "{step}");
    }

    #[test]
    fn b70_b88_the_end_is_the_later_of_sunset_and_extension_to_the_millisecond() {
        let accounts = [account(1, Some(1), None)];
        for (extension, end) in [(None, day(10)), (Some(day(20)), day(20)), (Some(day(5)), day(10))] {
            let extensions: Vec<_> =
                extension.into_iter().map(|until| KnownExtension { known_at: day(2), until }).collect();
            let facts = MigrationFacts { accounts: &accounts, extensions: &extensions, ..MigrationFacts::default() };
            let ms = chrono::TimeDelta::milliseconds(1);
            for (at, expected) in [(end - ms, Phase::NotStarted), (end, Phase::Expired), (end + ms, Phase::Expired)] {
                assert_eq!(super::phase(&facts, Some(day(10)), at), Some(expected), "{extension:?} at {at}");
            }
            assert_eq!(
                super::phase(&facts, None, day(1000)),
                Some(Phase::NotStarted),
                "B74: without a sunset nothing ends"
            );
        }
    }

    /// What is granted later changes no answer about before: the chart of a month is the same whenever it is drawn.
    #[test]
    fn b71_b88_an_extension_counts_from_when_it_was_known_and_so_does_its_shortening() {
        let accounts = [account(1, Some(1), None)];
        let extensions = [
            KnownExtension { known_at: day(12), until: day(20) },
            KnownExtension { known_at: day(14), until: day(16) },
        ];
        let facts = MigrationFacts { accounts: &accounts, extensions: &extensions, ..MigrationFacts::default() };
        let ms = chrono::TimeDelta::milliseconds(1);
        for (at, expected, ends_at) in [
            (day(10) - ms, Phase::NotStarted, 10),
            (day(10), Phase::Expired, 10),
            (day(12) - ms, Phase::Expired, 10),
            (day(12), Phase::NotStarted, 20),
            (day(14) - ms, Phase::NotStarted, 20),
            (day(14), Phase::NotStarted, 16),
            (day(16) - ms, Phase::NotStarted, 16),
            (day(16), Phase::Expired, 16),
        ] {
            assert_eq!(super::phase(&facts, Some(day(10)), at), Some(expected), "at {at}");
            assert_eq!(facts.ends_at(Some(day(10)), at), Some(day(ends_at)), "at {at}");
        }
    }
}
