//! The obvious reading: every fact is heard in order, and every question is answered by asking each migration about one
//! instant. It shares no code with the roster, and no way of counting.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use devhub::domain::migration::{AccountTimes, Phase};
use devhub::domain::name::CompanyId;
use devhub::hub::{Migration, MigrationFilter, Pace, Party, PhaseCounts};
use devhub::wire::instant;
use devhub_proto::v1;
use devhub_proto::v1::FactKind;

type At = DateTime<Utc>;

struct Account {
    company: String,
    created: At,
    /// As the fact writes it.
    kind: String,
    classified: Option<At>,
    removed: Option<At>,
}

struct Spell {
    from: At,
    until: Option<At>,
    service_account: bool,
    used: Option<At>,
}

/// What the facts tell.
#[derive(Default)]
pub(super) struct Told {
    accounts: BTreeMap<String, Account>,
    /// When which extension of a company became public; of several shortenings the last one.
    extended: BTreeMap<String, Vec<(At, At)>>,
    /// Versions with a service account.
    services: BTreeSet<(String, String)>,
    ready: BTreeMap<String, At>,
    spells: BTreeMap<(String, String), Vec<Spell>>,
    /// When which sunset became public.
    sunsets: Vec<(At, Option<At>)>,
    edges: Vec<At>,
}

fn after(fact: &v1::Fact, field: &str) -> Option<String> {
    fact.changes.iter().find(|change| change.field == field).map(|change| change.after.clone())
}

impl Told {
    pub(super) fn hear(&mut self, fact: &v1::Fact) {
        let committed = instant(fact.time.as_ref().unwrap()).unwrap();
        let at = fact.effective_time.as_ref().map_or(committed, |time| instant(time).unwrap());
        let (application, company) = (fact.application_id.clone(), fact.company_id.clone());
        self.edges.push(at);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others are not about migrations")]
        match fact.kind() {
            FactKind::ServiceAccountCreated | FactKind::ServiceAccountImported => {
                let kind = after(fact, "account_type").unwrap();
                let classified = (kind != "UNDEFINED").then_some(at);
                let account = Account { company, created: at, kind, classified, removed: None };
                self.accounts.insert(fact.account_id.clone(), account);
            }
            FactKind::ServiceAccountClassified => {
                let account = self.accounts.get_mut(&fact.account_id).unwrap();
                account.kind = after(fact, "account_type").unwrap();
                account.classified = (account.kind != "UNDEFINED").then_some(at);
            }
            FactKind::ServiceAccountRemoved => self.accounts.get_mut(&fact.account_id).unwrap().removed = Some(at),
            FactKind::ServiceAccountsExtended | FactKind::ServiceAccountsExtensionShortened => {
                let until: At = after(fact, "extended_until").unwrap().parse().unwrap();
                self.edges.push(until);
                let known = self.extended.entry(company).or_default();
                known.truncate(1);
                known.push((at, until));
            }
            FactKind::AppVersionCreated if after(fact, "components").unwrap().contains("SERVICE_ACCOUNT") => {
                self.services.insert((application, after(fact, "app_version").unwrap()));
            }
            FactKind::AppVersionPromoted
                if self.services.contains(&(application.clone(), after(fact, "app_version").unwrap())) =>
            {
                self.ready.entry(application).or_insert(at);
            }
            FactKind::AppInstalled | FactKind::InstallationImported | FactKind::InstallationUpdated => {
                self.runs(application, company, after(fact, "app_version"), at);
            }
            FactKind::AppUninstalled => {
                self.spells.get_mut(&(application, company)).unwrap().last_mut().unwrap().until = Some(at);
            }
            FactKind::InstallationFirstUsed => {
                let spells = self.spells.get_mut(&(application, company)).unwrap();
                let there = |spell: &&mut Spell| spell.from <= at && spell.until.is_none_or(|until| at < until);
                spells.iter_mut().find(there).unwrap().used = Some(at);
            }
            FactKind::CredentialClassRevised => {
                let before = self.sunsets.last().and_then(|(_, sunset)| *sunset);
                let sunset = match after(fact, "sunset_time").as_deref() {
                    None => before,
                    Some("") => None,
                    Some(text) => Some(text.parse().unwrap()),
                };
                self.edges.extend(sunset);
                self.sunsets.push((at, sunset));
            }
            _ => {}
        }
    }

    /// A version begins to run; `version` is absent when it is the one that ran before.
    fn runs(&mut self, application: String, company: String, version: Option<String>, at: At) {
        let spells = self.spells.entry((application.clone(), company)).or_default();
        let service_account = match version {
            Some(version) => self.services.contains(&(application, version)),
            None => spells.last().unwrap().service_account,
        };
        match spells.last_mut() {
            Some(open) if open.until.is_none() && open.service_account == service_account => {}
            Some(open) if open.until.is_none() => {
                open.until = Some(at);
                spells.push(Spell { from: at, until: None, service_account, used: None });
            }
            _ => spells.push(Spell { from: at, until: None, service_account, used: None }),
        }
    }

    /// Every instant at which something may change.
    pub(super) fn edges(&self) -> &[At] {
        &self.edges
    }

    fn sunset(&self, at: At) -> Option<At> {
        self.sunsets.iter().rev().find(|(announced, _)| *announced <= at).and_then(|(_, sunset)| *sunset)
    }

    /// The accounts of each migration, by id.
    fn parties(&self) -> BTreeMap<(Party, CompanyId), Vec<&String>> {
        let mut parties: BTreeMap<_, Vec<&String>> = BTreeMap::new();
        for (id, account) in &self.accounts {
            let application = match account.kind.split_once(' ') {
                Some(("MARKETPLACE", application)) => Some(application),
                Some(_) => account.kind.split_once(", to be replaced by ").map(|(_, application)| application),
                None => None,
            };
            let party = match application {
                Some(application) => Party::Application(application.parse().unwrap()),
                None => Party::Account(id.parse().unwrap()),
            };
            parties.entry((party, account.company.parse().unwrap())).or_default().push(id);
        }
        parties
    }

    fn open(&self, party: &Party, company: &CompanyId, at: At) -> Option<&Spell> {
        let Party::Application(application) = party else { return None };
        let spells = self.spells.get(&(application.to_string(), company.to_string()))?;
        // Of two that touch, the later one counts.
        spells
            .iter()
            .rev()
            .find(|spell| spell.service_account && spell.from <= at && spell.until.is_none_or(|until| at < until))
    }

    fn phase(
        &self,
        (party, company): (&Party, &CompanyId),
        accounts: &[&Account],
        sunset: Option<At>,
        at: At,
    ) -> Option<Phase> {
        if accounts.iter().all(|account| at < account.created) {
            return None;
        }
        let ends = self.ends(company, sunset, at);
        let over = ends.is_some_and(|ends| ends <= at);
        // The sunset closes the books: what counts is how it stood then.
        let when = if over { ends.unwrap() } else { at };
        let installed = |at: At| self.open(party, company, at).is_some();
        let existing: Vec<_> = accounts.iter().filter(|account| account.created <= when).collect();
        if existing.is_empty() {
            return Some(Phase::Expired);
        }
        let live: Vec<_> =
            existing.into_iter().filter(|account| account.removed.is_none_or(|removed| when < removed)).collect();
        if live.is_empty() {
            return Some(if installed(when) { Phase::OldAccountRemoved } else { Phase::Discontinued });
        }
        let owned = live.iter().any(|account| account.classified.is_some_and(|classified| classified <= when));
        let ready = match party {
            Party::Application(application) => {
                self.ready.get(&application.to_string()).is_some_and(|ready| *ready <= when)
            }
            Party::Account(_) => false,
        };
        Some(match (over, owned, installed(when)) {
            (false, false, _) => Phase::BlockedUnknownOwner,
            (false, true, true) if self.used(party, company, at).is_some() => Phase::CutoverConfirmed,
            (false, true, true) => Phase::Installed,
            (false, true, false) if ready => Phase::DeveloperReady,
            (false, true, false) => Phase::NotStarted,
            (true, true, true) => Phase::CompleteBySunset,
            (true, _, _) if installed(at) => Phase::CompleteLate,
            (true, _, _) => Phase::Expired,
        })
    }

    /// When what is installed at an instant first called, if it had by then.
    fn used(&self, party: &Party, company: &CompanyId, at: At) -> Option<At> {
        self.open(party, company, at).and_then(|spell| spell.used).filter(|used| *used <= at)
    }

    fn ends(&self, company: &CompanyId, sunset: Option<At>, at: At) -> Option<At> {
        let known = self.extended.get(&company.to_string()).into_iter().flatten();
        let extended = known.filter(|(known_at, _)| *known_at <= at).map(|(_, until)| *until).next_back();
        sunset.map(|sunset| extended.map_or(sunset, |extended| sunset.max(extended)))
    }

    /// The migrations that match, as lists have them.
    pub(super) fn migrations(&self, filter: &MigrationFilter, at: At, supposed: Option<At>) -> Vec<Migration> {
        let sunset = supposed.or_else(|| self.sunset(at));
        let mut found = Vec::new();
        for ((party, company), ids) in self.parties() {
            let of = filter.application.as_ref().is_none_or(|id| party == Party::Application(id.clone()));
            if !of || filter.company.as_ref().is_some_and(|id| *id != company) {
                continue;
            }
            let accounts: Vec<&Account> = ids.iter().map(|id| &self.accounts[*id]).collect();
            let Some(phase) = self.phase((&party, &company), &accounts, sunset, at) else { continue };
            let times = |account: &Account| AccountTimes {
                created_at: account.created,
                classified_at: account.classified,
                removed_at: account.removed,
            };
            let ready = match &party {
                Party::Application(application) => self.ready.get(&application.to_string()).copied(),
                Party::Account(_) => None,
            };
            found.push(Migration {
                phase,
                accounts: ids.iter().map(|id| (id.parse().unwrap(), times(&self.accounts[*id]))).collect(),
                ready_at: ready.filter(|ready| *ready <= at),
                installed_at: self.open(&party, &company, at).map(|spell| spell.from),
                first_used_at: self.used(&party, &company, at),
                ends_at: self.ends(&company, sunset, at),
                party,
                company,
            });
        }
        found
    }

    /// Who left the risk between two instants, under one sunset.
    pub(super) fn pace(&self, filter: &MigrationFilter, since: At, at: At, supposed: Option<At>) -> Pace {
        let sunset = supposed.or_else(|| self.sunset(at));
        let mut pace = Pace::default();
        for migration in self.migrations(filter, at, supposed) {
            let accounts: Vec<&Account> =
                migration.accounts.iter().map(|(id, _)| &self.accounts[id.as_str()]).collect();
            let place = (&migration.party, &migration.company);
            let risky = |phase: Phase| {
                matches!(phase, Phase::BlockedUnknownOwner | Phase::NotStarted | Phase::DeveloperReady | Phase::Expired)
            };
            let before = self.phase(place, &accounts, sunset, since);
            if migration.phase == Phase::Expired {
                pace.expired += 1;
            } else if risky(migration.phase) {
                pace.at_risk += 1;
            } else if before.is_none_or(risky) {
                pace.secured += 1;
            }
        }
        pace
    }
}

/// How many are in which phase.
pub(super) fn counts(migrations: &[Migration]) -> PhaseCounts {
    let mut counts = PhaseCounts::default();
    for migration in migrations {
        counts[Phase::ALL.iter().position(|phase| *phase == migration.phase).unwrap()] += 1;
    }
    counts
}
