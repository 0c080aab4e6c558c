//! Facts: what happened, in a form that outlives the code that made it happen.

use chrono::{DateTime, Utc};
use devhub_decision::Environment;

use super::name::{AccountId, ApplicationId, CompanyId, Context, Label, SubscriptionId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// An API was registered.
    ApiCreated,
    /// An API's description changed.
    ApiUpdated,
    /// A version was published.
    VersionCreated,
    /// A version's description, access, endpoints or fields changed.
    VersionUpdated,
    /// A version reached a further environment.
    VersionDeployed,
    /// A version's maturity rose.
    VersionPromoted,
    /// A version's deprecation was decided.
    VersionDeprecated,
    /// A version's retirement was decided.
    VersionRetired,
    /// An application was registered.
    ApplicationCreated,
    /// An application's name or description changed.
    ApplicationUpdated,
    /// An application was deleted.
    ApplicationDeleted,
    /// An application was restored.
    ApplicationRestored,
    /// A collaborator was added.
    CollaboratorAdded,
    /// A collaborator was removed.
    CollaboratorRemoved,
    /// A collaborator's role changed.
    CollaboratorRoleChanged,
    /// An application took a step of the approval process.
    ApplicationAdvanced,
    /// An application was blocked.
    ApplicationBlocked,
    /// An application was unblocked.
    ApplicationUnblocked,
    /// Deletion by collaborators was forbidden or permitted.
    DeletionRestricted,
    /// An application subscribed.
    Subscribed,
    /// A subscription was ended by somebody.
    Unsubscribed,
    /// A subscription was brought from another system.
    SubscriptionImported,
    /// Access was asked for.
    AccessRequested,
    /// Access was granted.
    AccessGranted,
    /// Access was refused.
    AccessRejected,
    /// Access was taken back.
    AccessRevoked,
    /// An access request was withdrawn.
    AccessCancelled,
    /// A command was refused.
    CommandRefused,
    /// Answers to old request ids were forgotten.
    AnswersForgotten,
    /// The dates of an end changed.
    ScheduleRevised,
    /// A planned or begun end was taken back.
    EndWithdrawn,
    /// What was retired was brought back.
    Reinstated,
    /// A brownout was planned.
    BrownoutScheduled,
    /// A brownout was cancelled.
    BrownoutCancelled,
    /// A waiver was granted or replaced.
    WaiverGranted,
    /// A waiver was taken back.
    WaiverRevoked,
    /// A subscription was moved to another version.
    SubscriptionMoved,
    /// A move was undone.
    MoveUndone,
    /// An unsubscription was undone.
    UnsubscriptionUndone,
    /// The administrators of an application were told something.
    NoticeGiven,
    /// A milestone was passed over: a later one says more.
    NoticeSkipped,
    /// A recipient has read a notice.
    NoticeAcknowledged,
    /// All affected applications were told of a milestone.
    NoticesCompleted,
    /// An announcement was published.
    AnnouncementPublished,
    /// An announcement says something else.
    AnnouncementRevised,
    /// An announcement was taken back.
    AnnouncementWithdrawn,
    /// A production application was made from a sandbox one.
    ApplicationUplifted,
    /// The deletion of an application that nobody uses was announced.
    DisuseAnnounced,
    /// The announced deletion of an application was taken back: it was used, or is to be kept.
    DisuseCancelled,
    /// An application opted out of the brownouts of a version.
    ExemptedFromBrownouts,
    /// An application takes part in the brownouts of a version again.
    BrownoutExemptionRemoved,
    /// A company was registered.
    CompanyCreated,
    /// A company's description or administrators changed.
    CompanyUpdated,
    /// A company has a new project.
    ProjectCreated,
    /// A project was renamed.
    ProjectRenamed,
    /// A traditional service account was created.
    ServiceAccountCreated,
    /// A traditional service account was brought from another system.
    ServiceAccountImported,
    /// Somebody said whose a traditional service account is.
    ServiceAccountClassified,
    /// The tool permissions of a traditional service account changed.
    ServiceAccountPermissionsChanged,
    /// A traditional service account got a new secret.
    ServiceAccountSecretRotated,
    /// A traditional service account was removed.
    ServiceAccountRemoved,
    /// The traditional service accounts of a company may be used past the sunset, until an instant.
    ServiceAccountsExtended,
    /// The extension of a company's traditional service accounts was made shorter.
    ServiceAccountsExtensionShortened,
    /// The dates of a credential class changed.
    CredentialClassRevised,
    /// A secret of an application was made.
    ClientSecretCreated,
    /// A secret of an application was revoked.
    ClientSecretRevoked,
    /// A secret is kept under a newer pepper.
    ClientSecretRehashed,
    /// A public key of an application was registered.
    KeyAdded,
    /// A public key of an application was revoked.
    KeyRevoked,
    /// The networks that an application may call from changed.
    IpAllowlistChanged,
    /// An application may call faster or slower.
    RateLimitTierChanged,
    /// What is known of a developer organisation was set.
    OrganisationSet,
    /// A version of an application was made.
    AppVersionCreated,
    /// A version of an application was promoted to production.
    AppVersionPromoted,
    /// A version of an application was submitted for review.
    AppVersionSubmitted,
    /// A version of an application was approved.
    AppVersionApproved,
    /// A listing was submitted.
    ListingSubmitted,
    /// A listing was approved.
    ListingApproved,
    /// A listing was removed or refused.
    ListingRemoved,
    /// An application was installed in a company.
    AppInstalled,
    /// An installation was brought from another system.
    InstallationImported,
    /// An installation runs another version.
    InstallationUpdated,
    /// An application was uninstalled from a company.
    AppUninstalled,
    /// The projects that an installation may reach changed.
    PermittedProjectsChanged,
    /// An installed application called in its company for the first time.
    InstallationFirstUsed,
    /// Maintenance was planned.
    MaintenanceScheduled,
    /// Planned maintenance changed.
    MaintenanceRevised,
    /// Maintenance was cancelled.
    MaintenanceCancelled,
    /// Somebody asked for what one person alone must not do.
    Proposed,
    /// Another operator approved a proposal.
    ProposalApproved,
    /// Another operator rejected a proposal.
    ProposalRejected,
    /// Whoever made a proposal took it back.
    ProposalWithdrawn,
    /// One person did what two should do.
    BrokeGlass,
    /// Another operator has looked at that.
    BreakGlassAcknowledged,
    /// A hub that was restored from a backup serves again.
    RestoreConfirmed,
    /// A gateway was revoked.
    GatewayRevoked,
    /// A revoked gateway was restored.
    GatewayRestored,
    /// So many refused commands of the actor were not recorded one by one.
    RefusalsLeftOut,
}

/// What a fact is about; what does not apply is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The application concerned.
    pub application: Option<ApplicationId>,
    /// The API concerned.
    pub context: Option<Context>,
    /// The version concerned.
    pub label: Option<Label>,
    /// The environment concerned.
    pub environment: Option<Environment>,
    /// The subscription concerned.
    pub subscription: Option<SubscriptionId>,
    /// The company concerned.
    pub company: Option<CompanyId>,
    /// The service account concerned.
    pub account: Option<AccountId>,
}

/// One value that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Name of the field.
    pub field: &'static str,
    /// Value before; empty if there was none.
    pub before: String,
    /// Value after; empty if there is none.
    pub after: String,
}

/// One thing that happened. Actor, instant and request id are the commit's: the hub adds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What happened.
    pub kind: FactKind,
    /// What it is about.
    pub subject: Subject,
    /// What changed.
    pub changes: Vec<FieldChange>,
    /// From when it has effect, if not from the commit's instant.
    pub effective_at: Option<DateTime<Utc>>,
    /// Why, as given by the actor.
    pub reason: String,
}

impl Fact {
    /// A fact about `subject`, so far without details.
    pub fn new(kind: FactKind, subject: Subject) -> Fact {
        Fact { kind, subject, changes: Vec::new(), effective_at: None, reason: String::new() }
    }

    /// Adds a changed value; equal values are no change and are left out.
    #[must_use]
    pub fn change(mut self, field: &'static str, before: impl ToString, after: impl ToString) -> Fact {
        let (before, after) = (before.to_string(), after.to_string());
        if before != after {
            self.changes.push(FieldChange { field, before, after });
        }
        self
    }

    /// Says which part of the subject it is about, for example one operation; empty for all of it.
    #[must_use]
    pub fn about_part(self, part: &str) -> Fact {
        self.change("operation", "", part)
    }

    /// Adds the actor's reason.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Fact {
        self.reason = reason.to_owned();
        self
    }

    /// Adds the instant from which it has effect.
    #[must_use]
    pub fn effective(mut self, instant: Option<DateTime<Utc>>) -> Fact {
        self.effective_at = instant;
        self
    }
}

/// An instant as facts write it; empty for none.
pub fn instant_text(instant: Option<DateTime<Utc>>) -> String {
    instant.map(|t| t.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)).unwrap_or_default()
}
