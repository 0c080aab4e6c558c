//! Whose a record is, and which records a caller gets to see.

use super::announcement::{Audience, Content};
use super::name::{ApplicationId, CompanyId, Context, Email};
use super::notice::{Holder, Notice};
use super::record::Record;

/// Which records a caller gets to see. What lies outside looks as if it were not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All: staff, and whoever calls where nobody is verified.
    Everything,
    /// What concerns nobody in particular: who reads the catalogue.
    Public,
    /// What belongs to the applications that a person works on and the companies that a person administers.
    Person(Email),
    /// What belongs to one company, while the person administers it.
    Company {
        /// The company.
        id: CompanyId,
        /// The person.
        email: Email,
    },
    /// Subscriptions to some APIs.
    Apis(Box<[Context]>),
}

/// Whose a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'r> {
    /// Nobody's in particular: the catalogue, dates, names that are taken.
    Nobody,
    /// An application's.
    Application(&'r ApplicationId),
    /// An application's, which whoever publishes the API sees too.
    Subscription(&'r ApplicationId, &'r Context),
    /// A company's.
    Company(&'r CompanyId),
    /// A company's, and for reading the application's as well.
    Installation(&'r ApplicationId, &'r CompanyId),
    /// That of an application or a company, and of those whom it was sent to.
    Notice(&'r Notice),
    /// The platform's.
    Staff,
}

/// Who works with what, as far as whoever asks knows it.
pub trait Standing {
    /// Whether a person works on an application.
    fn works_on(&self, email: &Email, application: &ApplicationId) -> bool;

    /// Whether a person administers a company.
    fn administers(&self, email: &Email, company: &CompanyId) -> bool;
}

/// Whose `record` is.
pub fn owner(record: &Record) -> Owner<'_> {
    match record {
        Record::Api(_)
        | Record::Version(_)
        | Record::Name(_)
        | Record::Revision(_)
        | Record::Namespace(_)
        | Record::CredentialClass(_)
        | Record::ClassRevision(_)
        | Record::Organisation(_)
        | Record::Maintenance(_)
        | Record::MaintenanceAhead(_) => Owner::Nobody,
        Record::NoticeRun(_)
        | Record::Proposal(_)
        | Record::ProposalBook(_)
        | Record::RestoreConfirmation(_)
        | Record::Gateway(_) => Owner::Staff,
        Record::Announcement(announcement) => addressed(&announcement.current.content),
        Record::AnnouncementRevision(revision) => addressed(&revision.content),
        Record::Application(application) => Owner::Application(&application.id),
        Record::Subscription(subscription) => {
            Owner::Subscription(&subscription.application, &subscription.version.context)
        }
        Record::AccessRequest(request) => Owner::Application(&request.application),
        Record::Waiver(waiver) => Owner::Application(&waiver.application),
        Record::Exemption(exemption) => Owner::Application(&exemption.application),
        Record::ClientSecrets(secrets) => Owner::Application(&secrets.application),
        Record::RegisteredKeys(keys) => Owner::Application(&keys.application),
        Record::CallLimits(limits) => Owner::Application(&limits.application),
        Record::Disuse(disuse) => Owner::Application(&disuse.application),
        Record::AppVersion(version) => Owner::Application(&version.application),
        Record::Releases(releases) => Owner::Application(&releases.application),
        // What has stood in the marketplace was seen by everybody.
        Record::Listing(listing) if listing.first_listed_at.is_some() => Owner::Nobody,
        Record::Listing(listing) => Owner::Application(&listing.application),
        Record::Company(company) => Owner::Company(&company.id),
        Record::Project(project) => Owner::Company(&project.company),
        Record::ServiceAccount(account) => Owner::Company(&account.company),
        Record::Installation(installation) => Owner::Installation(&installation.application, &installation.company),
        Record::Notice(notice) => Owner::Notice(notice),
    }
}

fn addressed(content: &Content) -> Owner<'_> {
    match content.audience {
        Audience::Everybody | Audience::Subscribers(..) => Owner::Nobody,
        Audience::Operators => Owner::Staff,
    }
}

impl Scope {
    /// Whether a caller of this scope reads `record`.
    pub fn sees(&self, record: &Record, standing: &impl Standing) -> bool {
        match (self, owner(record)) {
            (Scope::Everything, _) | (_, Owner::Nobody) => true,
            (Scope::Public, _) | (_, Owner::Staff) => false,
            (_, Owner::Application(id)) => self.works_on(id, standing),
            (Scope::Apis(apis), Owner::Subscription(_, context)) => apis.contains(context),
            (_, Owner::Subscription(id, _)) => self.works_on(id, standing),
            (_, Owner::Company(id)) => self.administers(id, standing),
            (_, Owner::Installation(application, company)) => {
                self.works_on(application, standing) || self.administers(company, standing)
            }
            (_, Owner::Notice(notice)) => {
                self.holds(&notice.holder, standing)
                    || self.email().is_some_and(|email| notice.recipients.contains(email))
            }
        }
    }

    /// Whether everything of an application lies inside.
    pub fn works_on(&self, application: &ApplicationId, standing: &impl Standing) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Person(email) => standing.works_on(email, application),
            Scope::Public | Scope::Company { .. } | Scope::Apis(_) => false,
        }
    }

    /// Whether everything of a company lies inside.
    pub fn administers(&self, company: &CompanyId, standing: &impl Standing) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Person(email) => standing.administers(email, company),
            Scope::Company { id, email } => id == company && standing.administers(email, company),
            Scope::Public | Scope::Apis(_) => false,
        }
    }

    /// Whether everything of the holder of a notice lies inside.
    pub fn holds(&self, holder: &Holder, standing: &impl Standing) -> bool {
        match holder {
            Holder::Application(id) => self.works_on(id, standing),
            Holder::Company(id) => self.administers(id, standing),
        }
    }

    /// Whether everything of an API lies inside: its subscribers and their calls, not only what everybody sees of it.
    pub fn publishes(&self, context: &Context) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Apis(apis) => apis.contains(context),
            Scope::Public | Scope::Person(_) | Scope::Company { .. } => false,
        }
    }

    /// Whether nothing lies outside.
    pub fn is_everything(&self) -> bool {
        *self == Scope::Everything
    }

    /// The person whose scope it is.
    pub const fn email(&self) -> Option<&Email> {
        match self {
            Scope::Person(email) | Scope::Company { email, .. } => Some(email),
            Scope::Everything | Scope::Public | Scope::Apis(_) => None,
        }
    }

    /// The one company that it is about.
    pub const fn company(&self) -> Option<&CompanyId> {
        match self {
            Scope::Company { id, .. } => Some(id),
            Scope::Everything | Scope::Public | Scope::Person(_) | Scope::Apis(_) => None,
        }
    }

    /// What tells it from other scopes: a page token of one is none of another.
    pub fn mark(&self) -> String {
        match self {
            Scope::Everything => String::new(),
            Scope::Public => "public".to_owned(),
            Scope::Person(email) => format!("person {email}"),
            Scope::Company { id, email } => format!("company {id} {email}"),
            Scope::Apis(apis) => apis.iter().fold("apis".to_owned(), |mark, context| format!("{mark} {context}")),
        }
    }
}
