//! Reports: calls that gateways let pass by themselves, and the first uses that they tell of.

use chrono::{DateTime, Utc};

use super::super::Failure;
use super::repeats::Verdicts;
use super::{Meter, Reported};
use crate::domain::installation::{Installation, NoteFirstUse};
use crate::domain::name::{ApplicationId, RequestId};
use crate::domain::record::{Bearer, Record, RecordKey};
use crate::domain::usage::{Known, Report, Unusable, judge};
use crate::store::codec::UsageKey;

/// Where the records stand that a report of the application with its client id depends on, in the order in which
/// [`known`] takes them.
fn keys(report: &Report, bearer: &ApplicationId) -> Vec<RecordKey> {
    let mut keys = vec![RecordKey::Subscription(bearer.clone(), report.version.clone())];
    if let Some(company) = &report.company {
        keys.push(RecordKey::Version(report.version.clone()));
        keys.push(RecordKey::Installation(bearer.clone(), company.clone()));
    }
    keys
}

/// What is known of a report, of the records that stand where [`keys`] says.
fn known<'r>(bearer: &'r ApplicationId, records: &'r [Option<Record>]) -> Known<'r> {
    let mut known = Known { bearer: Some(bearer), ..Known::default() };
    for record in records.iter().flatten() {
        #[expect(clippy::wildcard_enum_match_arm, reason = "three kinds of records were asked for")]
        match record {
            Record::Subscription(subscription) => known.subscription = Some(subscription),
            Record::Version(version) => known.version = Some(version),
            Record::Installation(installation) => known.installation = Some(installation),
            _ => {}
        }
    }
    known
}

/// The first use that a report tells of, if it tells of one.
fn first_use(report: &Report, installation: Option<&Installation>) -> Option<NoteFirstUse> {
    let company = report.company.as_ref()?;
    let installation = installation?;
    installation.first_used(report.last_call)?;
    let application = installation.application.clone();
    Some(NoteFirstUse { application, company: company.clone(), at: report.last_call })
}

impl Meter {
    /// Judges and counts reports of a gateway. Under a request id that is remembered nothing is counted again.
    ///
    /// # Errors
    /// When the id was used for another request, or records cannot be read.
    pub fn report(
        &self,
        id: Option<&RequestId>,
        fingerprint: [u8; 32],
        reports: &[Report],
        now: DateTime<Utc>,
    ) -> Result<Reported, Failure> {
        let judged = self.judge(reports, now)?;
        // Held while counting, so that of two equal reports at the same time one waits, and finds the other.
        let mut repeats = id.map(|id| (id, self.repeats.lock()));
        if let Some((id, repeats)) = &repeats
            && let Some(verdicts) = repeats.find(id, fingerprint)?
        {
            return Ok(Reported { verdicts, repeated: true });
        }
        let counted = reports
            .iter()
            .zip(judged)
            .map(|(report, judged)| judged.and_then(|first| self.count_report(report, first)));
        let verdicts: Verdicts = counted.collect();
        if let Some((id, repeats)) = &mut repeats {
            repeats.remember(id, fingerprint, &verdicts);
        }
        Ok(Reported { verdicts, repeated: false })
    }

    fn count_report(&self, report: &Report, first: Option<NoteFirstUse>) -> Result<(), Unusable> {
        let key = UsageKey {
            client_id: report.client_id.as_str(),
            context: report.version.context.as_str(),
            label: report.version.label.as_str(),
            environment: report.environment,
        };
        if !self.counter.add(&key, report.last_call, report.calls) {
            return Err(Unusable::NoRoom);
        }
        if let Some(NoteFirstUse { application, company, at }) = first {
            self.first_uses.remember(application.as_str(), company.as_str(), at);
        }
        Ok(())
    }

    /// The verdict on each report, and the first use that an acceptable one tells of.
    fn judge(
        &self,
        reports: &[Report],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Option<NoteFirstUse>, Unusable>>, Failure> {
        let clients = reports.iter().map(|report| RecordKey::ClientId(report.client_id.clone()));
        let bearers: Vec<Option<ApplicationId>> = self
            .records(clients.collect())?
            .into_iter()
            .map(|record| match record {
                Some(Record::Name(Bearer::Application(id))) => Some(id),
                _ => None,
            })
            .collect();
        let keys: Vec<Vec<RecordKey>> = reports
            .iter()
            .zip(&bearers)
            .map(|(report, bearer)| bearer.as_ref().map(|bearer| keys(report, bearer)).unwrap_or_default())
            .collect();
        let records = self.records(keys.iter().flatten().cloned().collect())?;
        let mut rest = records.as_slice();
        let verdict = |((report, bearer), keys): ((&Report, &Option<ApplicationId>), &Vec<RecordKey>)| {
            let (own, others) = rest.split_at(keys.len());
            rest = others;
            let known = bearer.as_ref().map(|bearer| known(bearer, own)).unwrap_or_default();
            judge(report, &known, now)?;
            Ok(first_use(report, known.installation))
        };
        Ok(reports.iter().zip(&bearers).zip(&keys).map(verdict).collect())
    }
}
