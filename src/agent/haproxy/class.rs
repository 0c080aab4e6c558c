//! Classes: callers that are answered alike, whoever they are, and how they stand to the company that a call is about.

use chrono::{DateTime, Utc};
use devhub_decision::{AccountFacts, ApplicationFacts, CompanyAccess, Environment, Facts, Standing, Terms};

/// Callers of one version that are answered alike, as long as no terms set one of them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nobody knows them.
    Stranger,
    /// Applications that may call, and hold a subscription. HAProxy finds that out: a caller's own row says the next one.
    Subscriber,
    /// Applications that may call.
    Usable,
    /// Applications and service accounts of the other environment.
    Elsewhere,
    /// Applications that are not approved yet.
    NotApproved,
    /// Applications that are blocked.
    Blocked,
    /// Applications that are deleted.
    Deleted,
    /// Service accounts that end with their class.
    Account,
    /// Service accounts whose extension goes beyond that, as long as it lasts.
    Extended,
    /// Service accounts whose extension is over.
    Ended,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 10] = [
        Class::Stranger,
        Class::Subscriber,
        Class::Usable,
        Class::Elsewhere,
        Class::NotApproved,
        Class::Blocked,
        Class::Deleted,
        Class::Account,
        Class::Extended,
        Class::Ended,
    ];

    /// How rows write it.
    pub const fn letter(self) -> char {
        match self {
            Class::Stranger => '0',
            Class::Subscriber => 's',
            Class::Usable => 'u',
            Class::Elsewhere => 'm',
            Class::NotApproved => 'n',
            Class::Blocked => 'b',
            Class::Deleted => 'd',
            Class::Account => 'a',
            Class::Extended => 'e',
            Class::Ended => 'z',
        }
    }

    /// The class of an application.
    pub(super) fn of(standing: Standing, at_home: bool) -> Class {
        if !at_home {
            return Class::Elsewhere;
        }
        match standing {
            Standing::Usable => Class::Usable,
            Standing::NotApproved => Class::NotApproved,
            Standing::Blocked => Class::Blocked,
            Standing::Deleted => Class::Deleted,
        }
    }

    /// These are service accounts.
    const fn is_account(self) -> bool {
        match self {
            Class::Account | Class::Extended | Class::Ended => true,
            Class::Stranger
            | Class::Subscriber
            | Class::Usable
            | Class::Elsewhere
            | Class::NotApproved
            | Class::Blocked
            | Class::Deleted => false,
        }
    }

    /// The facts of a question that one of them asks, made of those of a stranger's.
    pub(super) fn facts<'t>(self, stranger: &Facts<'t>, sunset_at: Option<DateTime<Utc>>, access: Access) -> Facts<'t> {
        let environment = stranger.environment;
        let application = |environment, standing| Some(ApplicationFacts { application_id: "", environment, standing });
        let account = |sunset_at| {
            Some(AccountFacts { account_id: "", company_id: "", environment, sunset_at, extended_until: None })
        };
        let elsewhere = match environment {
            Environment::Sandbox => Environment::Production,
            Environment::Production => Environment::Sandbox,
        };
        let (application, account) = match self {
            Class::Stranger => (None, None),
            Class::Subscriber | Class::Usable => (application(environment, Standing::Usable), None),
            Class::Elsewhere => (application(elsewhere, Standing::Usable), None),
            Class::NotApproved => (application(environment, Standing::NotApproved), None),
            Class::Blocked => (application(environment, Standing::Blocked), None),
            Class::Deleted => (application(environment, Standing::Deleted), None),
            Class::Account => (None, account(sunset_at)),
            Class::Extended => (None, account(None)),
            Class::Ended => (None, account(Some(DateTime::<Utc>::MIN_UTC))),
        };
        Facts {
            application,
            account,
            access: access.company(self.is_account()),
            subscribed: self == Class::Subscriber,
            terms: Terms::default(),
            ..*stranger
        }
    }
}

/// How a caller stands to the company and the project that its call names, as HAProxy finds it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The version is not company-scoped.
    NotScoped,
    /// The call names no company.
    Unnamed,
    /// There is no row for the caller and the company.
    Elsewhere,
    /// There is one, for some projects, and the call names another.
    OtherProject,
    /// There is one, and it says nothing against the call.
    Permitted,
}

impl Access {
    /// Those that are told apart for a version.
    pub const fn all(company_scoped: bool) -> &'static [Access] {
        if company_scoped {
            &[Access::Unnamed, Access::Elsewhere, Access::OtherProject, Access::Permitted]
        } else {
            &[Access::NotScoped]
        }
    }

    /// How rows write it.
    pub const fn letter(self) -> char {
        match self {
            Access::NotScoped => '-',
            Access::Unnamed => 'u',
            Access::Elsewhere => 'n',
            Access::OtherProject => 'x',
            Access::Permitted => 'p',
        }
    }

    /// What it is to a decision. A service account calls for its own company if it names none.
    pub(super) const fn company(self, is_account: bool) -> CompanyAccess {
        match (self, is_account) {
            (Access::NotScoped, _) => CompanyAccess::NotScoped,
            (Access::Unnamed, false) => CompanyAccess::Unnamed,
            (Access::Elsewhere, true) => CompanyAccess::OtherCompany,
            (Access::Elsewhere, false) => CompanyAccess::NotInstalled,
            (Access::OtherProject, false) => CompanyAccess::ProjectNotPermitted,
            (Access::Permitted, _) | (Access::Unnamed | Access::OtherProject, true) => CompanyAccess::Permitted,
        }
    }
}
