//! The first call of an installed application: the moment from which a company knows that the new identity works (rule B81).
//!
//! The hub notes it by itself, a little after the call. What is noted belongs to one time of being installed, so a call is
//! told apart from those before the application was installed again.

use chrono::{DateTime, Utc};

use super::Installation;
use super::command::subject;
use crate::domain::fact::{Fact, FactKind, instant_text};
use crate::domain::name::{ApplicationId, CompanyId};
use crate::domain::outcome::{Judgement, Outcome};
use crate::domain::record::{Record, RecordKey, Records};
use crate::domain::refusal::Refusal;
use crate::domain::setting::Setting;

/// Command: note that an application has called in a company, if no call of that time of being installed is noted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteFirstUse {
    /// The application.
    pub application: ApplicationId,
    /// The company.
    pub company: CompanyId,
    /// When it called.
    pub at: DateTime<Utc>,
}

impl Installation {
    /// The installation with a call at `at` noted as the first of its time; none if there is nothing to note: nothing with
    /// a service account was installed at that instant, or a call of that time is noted already.
    pub fn first_used(&self, at: DateTime<Utc>) -> Option<Installation> {
        let place = self.intervals.iter().position(|interval| interval.contains(at) && interval.awaits_use())?;
        let mut after = self.clone();
        after.intervals[place].first_used_at = Some(at);
        Some(after)
    }
}

impl NoteFirstUse {
    pub(in crate::domain) fn reads(&self) -> Vec<RecordKey> {
        // The installation first: it is what commands race for.
        vec![
            RecordKey::Installation(self.application.clone(), self.company.clone()),
            RecordKey::Application(self.application.clone()),
            RecordKey::Company(self.company.clone()),
        ]
    }

    pub(in crate::domain) fn judge(&self, records: &Records, setting: &Setting<'_>) -> Judgement {
        setting.operator("note the first use of an installation")?;
        let not_found =
            || Refusal::InstallationNotFound { application: self.application.clone(), company: self.company.clone() };
        let known = records.installation(&self.application, &self.company).ok_or_else(not_found)?;
        let (application, company) =
            (records.needed_application(&self.application)?, records.needed_company(&self.company)?);
        // A clock that was set back between call and judgement must not put a record into the future.
        let at = self.at.min(setting.now);
        // Who changed the installation last stays: a call changes nothing that anybody decided.
        let Some(after) = known.first_used(at) else {
            return Ok(Outcome::unchanged(known.key(), Record::Installation(known.clone())));
        };
        let fact = Fact::new(FactKind::InstallationFirstUsed, subject(application, company))
            .change("first_used_at", "", instant_text(Some(at)))
            .effective(Some(at));
        Ok(Outcome::write(after.key(), Record::Installation(after), fact))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::{Interval, PermittedProjects};
    use super::*;
    use crate::domain::app_version::Step;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(day * 86_400, 0).expect("a day")
    }

    /// Installed from day to day, with a service account or without one.
    fn installation(times: &[(i64, Option<i64>, bool)]) -> Installation {
        let interval = |(from, until, service_account): &(i64, Option<i64>, bool)| Interval {
            from: day(*from),
            until: until.map(day),
            service_account: *service_account,
            first_used_at: None,
        };
        Installation {
            application: "app".parse().expect("valid"),
            client_id: "client-app".parse().expect("valid"),
            company: "acme".parse().expect("valid"),
            version: "1.0.0".parse().expect("valid"),
            projects: PermittedProjects::All,
            service_user: None,
            intervals: times.iter().map(interval).collect(),
            changed: Step { by: "operator:olga".into(), at: day(1) },
        }
    }

    fn noted(installation: &Installation) -> Vec<Option<DateTime<Utc>>> {
        installation.intervals.iter().map(|interval| interval.first_used_at).collect()
    }

    #[test]
    fn b81_b89_a_call_is_noted_in_the_time_that_it_lies_in_to_the_millisecond() {
        // Installed without a service account, updated to one with it, uninstalled, and installed again.
        let installation = installation(&[(2, Some(4), false), (4, Some(6), true), (8, None, true)]);
        let ms = TimeDelta::milliseconds(1);
        let table = [
            ("before anything", day(2) - ms, None),
            ("without a service account", day(2), None),
            ("just before the update", day(4) - ms, None),
            ("at the update", day(4), Some(1)),
            ("just after it", day(4) + ms, Some(1)),
            ("just before the uninstallation", day(6) - ms, Some(1)),
            ("at the uninstallation", day(6), None),
            ("just after it", day(6) + ms, None),
            ("just before it is installed again", day(8) - ms, None),
            ("installed again", day(8), Some(2)),
            ("long after", day(1000), Some(2)),
        ];
        for (what, at, place) in table {
            let expected = place.map(|place: usize| {
                let mut noted = vec![None; 3];
                noted[place] = Some(at);
                noted
            });
            assert_eq!(installation.first_used(at).as_ref().map(noted), expected, "{what}");
        }
    }

    #[test]
    fn b81_only_the_first_call_of_a_time_is_noted() {
        let installation = installation(&[(4, Some(6), true), (8, None, true)]);
        assert!(installation.awaits_use());
        let once = installation.first_used(day(5)).expect("the first");
        assert_eq!(noted(&once), [Some(day(5)), None]);
        // Neither a later call nor an earlier one that was told late changes it.
        for at in [day(5), day(5) + TimeDelta::hours(1), day(4)] {
            assert_eq!(once.first_used(at), None, "{at}");
        }
        assert!(once.awaits_use(), "installed again, it begins anew");
        let twice = once.first_used(day(9)).expect("the first since it was installed again");
        assert_eq!(noted(&twice), [Some(day(5)), Some(day(9))]);
        assert!(!twice.awaits_use());
        assert_eq!((twice.changed, twice.version), (installation.changed, installation.version));
    }
}
