//! What belongs to somebody else looks absent: a command is judged over the records that its actor has to do with.
//!
//! The judgement of a stranger is that of a caller for whom there is no such thing, so both are refused with the same
//! words: no rule has to be written twice, and none can be forgotten. What the commit expects are all records that were
//! read, seen or not.

use std::borrow::Cow;

use super::actor::Actor;
use super::announcement::Audience;
use super::command::Command;
use super::ledger::Target;
use super::name::{ApplicationId, CompanyId, Context, Email};
use super::notice::Holder;
use super::outcome::Judgement;
use super::record::{Record, RecordKey, Records};
use super::refusal::Refusal;
use super::schedule::ChangeLifecycle;
use super::scope::{Owner, owner};
use super::setting::Setting;

/// The records without those that the actor has nothing to do with.
#[derive(Debug)]
pub struct Seen<'r> {
    records: Cow<'r, Records>,
    hidden: Vec<RecordKey>,
}

/// Whether a person works on an application; one that was not read is for the command itself to judge.
fn works_on(records: &Records, email: &Email, id: &ApplicationId) -> bool {
    let key = RecordKey::Application(id.clone());
    let application = if records.has(&key) { records.application(id) } else { None };
    application.is_none_or(|application| application.collaborators.contains_key(email))
}

fn administers(records: &Records, email: &Email, id: &CompanyId) -> bool {
    let key = RecordKey::Company(id.clone());
    let company = if records.has(&key) { records.company(id) } else { None };
    company.is_none_or(|company| company.administrators.contains(email))
}

/// Whether the actor has to do with `record`, as far as `command` is concerned.
fn has_to_do_with(actor: &Actor, command: &Command, record: &Record, records: &Records) -> bool {
    match actor {
        Actor::Operator(_) | Actor::Process(_) => true,
        Actor::Collaborator(email) => match owner(record) {
            Owner::Application(id) | Owner::Subscription(id, _) => {
                command.is_of_companies() || works_on(records, email, id)
            }
            Owner::Company(id) | Owner::Installation(_, id) => administers(records, email, id),
            Owner::Notice(notice) => {
                notice.recipients.contains(email)
                    || match &notice.holder {
                        Holder::Application(id) => works_on(records, email, id),
                        Holder::Company(id) => administers(records, email, id),
                    }
            }
            Owner::Nobody | Owner::Staff => true,
        },
        Actor::CompanyAdministrator { email, company } => match owner(record) {
            Owner::Company(id) | Owner::Installation(_, id) => id == company && administers(records, email, id),
            Owner::Notice(notice) => {
                notice.recipients.contains(email) && notice.holder == Holder::Company(company.clone())
            }
            // What it installs, and names as what its accounts are for, is others'.
            Owner::Application(_) | Owner::Subscription(..) | Owner::Nobody | Owner::Staff => true,
        },
        Actor::Publisher { apis, .. } => publishes(apis, command, record),
    }
}

/// Whether a publisher has to do with `record`: with what a command changes, only of its APIs; with what it refers to, as
/// everybody.
fn publishes(apis: &[Context], command: &Command, record: &Record) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "commands of publishers change nothing else")]
    match record {
        Record::Announcement(announcement) => match &announcement.current.content.audience {
            Audience::Subscribers(_, scopes) => scopes.iter().all(|scope| apis.contains(scope.context())),
            Audience::Everybody | Audience::Operators => false,
        },
        // A lifecycle change reads them for namespaces only, which are nobody's but the platform's.
        Record::Api(_) | Record::Namespace(_) if matches!(command, Command::ChangeLifecycle(_)) => false,
        Record::Api(api) => apis.contains(&api.context) || !command.changes_api(&api.context),
        Record::Version(version) => apis.contains(&version.name.context) || !command.changes_api(&version.name.context),
        _ => true,
    }
}

impl Command {
    /// Whether it is for those who decide for a company: it may name any application.
    fn is_of_companies(&self) -> bool {
        matches!(
            self,
            Command::Install(_)
                | Command::UpdateInstallation(_)
                | Command::Uninstall(_)
                | Command::SetPermittedProjects(_)
                | Command::CreateServiceAccount(_)
                | Command::ClassifyServiceAccount(_)
        )
    }

    /// Whether it changes an API, or a version of one.
    fn changes_api(&self, context: &Context) -> bool {
        #[expect(clippy::wildcard_enum_match_arm, reason = "commands of publishers are these")]
        match self {
            Command::CreateVersion(command) => command.name.context == *context,
            Command::UpdateVersion(command) => command.name.context == *context,
            Command::DeployVersion(command) => command.name.context == *context,
            Command::ChangeLifecycle(command) => changes_api(command, context),
            _ => false,
        }
    }

    /// The records that the actor has to do with.
    pub fn seen_by<'r>(&self, actor: &Actor, records: &'r Records) -> Seen<'r> {
        let hidden: Vec<RecordKey> = records
            .entries()
            .filter(|(_, record)| !has_to_do_with(actor, self, record, records))
            .map(|(key, _)| key.clone())
            .collect();
        let seen = if hidden.is_empty() { Cow::Borrowed(records) } else { Cow::Owned(records.without(&hidden)) };
        Seen { records: seen, hidden }
    }
}

fn changes_api(command: &ChangeLifecycle, context: &Context) -> bool {
    let changed = command.changes.iter().filter_map(|change| change.target.version());
    changed.into_iter().any(|name| name.context == *context)
}

impl ChangeLifecycle {
    /// The changes that the actor has to do with.
    #[must_use]
    pub fn own(&self, actor: &Actor) -> ChangeLifecycle {
        let Actor::Publisher { apis, .. } = actor else { return self.clone() };
        let is_own = |target: &Target| target.version().is_some_and(|name| apis.contains(&name.context));
        ChangeLifecycle { changes: self.changes.iter().filter(|change| is_own(&change.target)).cloned().collect() }
    }
}

impl Seen<'_> {
    /// The records.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Whether everything that was read is seen.
    pub fn is_everything(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Judges by `judge` over what is seen. What would be made where something of others is has to be judged over
    /// everything: the name is taken.
    pub(super) fn judge(&self, all: &Records, judge: impl Fn(&Records) -> Judgement) -> Judgement {
        let outcome = judge(&self.records)?;
        if !outcome.writes.iter().any(|(key, _)| self.hidden.contains(key)) {
            return Ok(outcome);
        }
        // Every such command refuses what is there already; one that does not must not write over it either.
        judge(all).and(Err(Refusal::OperatorRequired("write over what belongs to others")))
    }
}

/// Refuses an announcement to others than subscribers of a publisher's own APIs.
pub(super) fn check_audience(audience: &Audience, setting: &Setting<'_>) -> Result<(), Refusal> {
    let Actor::Publisher { apis, .. } = setting.actor else { return Ok(()) };
    match audience {
        Audience::Everybody | Audience::Operators => {
            Err(Refusal::OperatorRequired("announce to more than subscribers"))
        }
        Audience::Subscribers(_, scopes) => {
            let foreign = scopes.iter().map(|scope| scope.context()).find(|context| !apis.contains(context));
            foreign.map_or(Ok(()), |context| Err(Refusal::ApiNotFound(context.clone())))
        }
    }
}
