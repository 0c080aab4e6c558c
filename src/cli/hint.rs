//! What to do about each error reason. The match is complete, so a new reason does not compile without its hint.

use devhub_proto::v1::ErrorReason;

/// What a person at the command line can do about `reason`.
pub const fn hint(reason: ErrorReason) -> &'static str {
    match reason {
        ErrorReason::Unspecified => "update devhub: the hub sent an error without a reason",
        ErrorReason::InvalidField => "correct the fields that are named and try again",
        ErrorReason::ActorRequired => "say who you are with --actor, for example --actor operator:jane",
        ErrorReason::CredentialsRequired => "prove who you are with --token-file, or with --tls-cert and --tls-key",
        ErrorReason::CredentialsRefused => {
            "get a fresh token or certificate; the log of the hub says what is wrong with it"
        }
        ErrorReason::CredentialsExpired => "get a fresh token or certificate, and follow again from where it ended",
        ErrorReason::GatewayIdDiffers => "give the id that the credentials name",
        ErrorReason::GatewayNotRevoked => "`devhub gateways revoked` lists those that are",
        ErrorReason::EnvironmentNotPermitted => "use the credentials of a gateway of that environment",
        ErrorReason::RoleNotPermitted => {
            "`devhub access` shows which role makes the call; present credentials of that role"
        }
        ErrorReason::PrincipalRequired => "present credentials: this hub answers only callers that it has verified",
        ErrorReason::ScopeNotGranted => "have an operator add the call to the scopes of the account",
        ErrorReason::OperatorRequired => "act as an operator: --actor operator:NAME",
        ErrorReason::NotACollaborator => "act as a collaborator of the application, or have an administrator add you",
        ErrorReason::AdministratorRequired => {
            "ask an administrator of the application; `devhub get application` lists them"
        }
        ErrorReason::ApiNotFound => "check the context with `devhub list apis`",
        ErrorReason::VersionNotFound => "check context and version with `devhub list versions`",
        ErrorReason::VersionNotInEnvironment => {
            "`devhub get version` shows where it is deployed; an application lives in one environment only"
        }
        ErrorReason::ApplicationNotFound => {
            "check the id with `devhub list applications`; what you do not work on is not there for you"
        }
        ErrorReason::SubscriptionNotFound => "check with `devhub list subscriptions --application ID --ended`",
        ErrorReason::AccessRequestNotFound => "check with `devhub list access-requests`",
        ErrorReason::AlreadyExists => "choose another name, or change the one that is there",
        ErrorReason::DuplicateSubscription => "nothing needs to be done: the subscription is live",
        ErrorReason::RequestIdReused => "use a new request id for a new request",
        ErrorReason::EtagMismatch => "somebody else changed it: look at it again, then repeat what is still right",
        ErrorReason::Contention => "try again: others were changing the same thing and nothing was done",
        ErrorReason::VersionAlpha => "wait until the version is BETA or STABLE",
        ErrorReason::VersionDeprecated => "subscribe to its successor; `devhub get version` names it",
        ErrorReason::VersionRetired => {
            "use its successor, or a live version of the API; `devhub get version` names them"
        }
        ErrorReason::StageTakesNoSubscriptions => {
            "choose a version whose stage takes subscriptions; see `devhub list policies`"
        }
        ErrorReason::SubscriptionNotNeeded => "call the API as it is: it is open access",
        ErrorReason::AccessNotGranted => "request access first and wait for an operator to grant it",
        ErrorReason::VersionInternal => "ask an operator to subscribe the application",
        ErrorReason::ApplicationNotStandard => {
            "ask an operator: subscriptions of this kind of application are theirs to change"
        }
        ErrorReason::SubscriptionsLocked => {
            "ask an operator: subscriptions of live applications are locked on this hub"
        }
        ErrorReason::ApplicationBlocked => "ask an operator why the application is blocked and have it unblocked",
        ErrorReason::ApplicationDeleted => "have an operator restore the application while its restore window lasts",
        ErrorReason::SubscriptionFields => {
            "give the values that are named; `devhub get version -o yaml` shows their rules"
        }
        ErrorReason::IllegalLifecycleMove => "`devhub get version` shows the stage; the message names the legal moves",
        ErrorReason::RetirementBeforeDeprecation => "set the retirement later than the deprecation",
        ErrorReason::PeriodTooShort => "choose the instant that is named or a later one, or give an override reason",
        ErrorReason::StageNotInPolicy => "use a stage of the API's policy; see `devhub list policies`",
        ErrorReason::AlphaEndpointsEnabled => "leave the endpoints of an ALPHA version disabled",
        ErrorReason::InstantInPast => {
            "give an instant that has not passed, or none for now; the first dates of a target may say when they were announced"
        }
        ErrorReason::PolicyNotFound => "use a policy of `devhub list policies`, or add one to the hub's policies file",
        ErrorReason::LastAdministrator => "make somebody else an administrator first",
        ErrorReason::CollaboratorExists => "nothing needs to be done, or change the person's role",
        ErrorReason::CollaboratorNotFound => "`devhub get application` lists the collaborators",
        ErrorReason::DeletionRestricted => "ask an operator to lift the restriction or to delete it",
        ErrorReason::IllegalApplicationState => {
            "`devhub get application` shows the state; the message names the one expected"
        }
        ErrorReason::RestoreWindowPassed => "register the application anew: it can no longer be restored",
        ErrorReason::LimitReached => "remove what is no longer needed; the message names the limit",
        ErrorReason::StoreFull => "free space on the hub's data directory; writes go on by themselves",
        ErrorReason::Overloaded => "try again in a moment",
        ErrorReason::DeadlineRequired => "set a deadline in the client: `devhub` sends one by --timeout",
        ErrorReason::DeadlinePassed => {
            "try again, with a longer --timeout if it was yours; a change may have been made"
        }
        ErrorReason::RequestTooLarge => "split the request; the message names the limit",
        ErrorReason::StoreUnavailable => "try again; if it stays, the hub's log and `devhub doctor` say what is wrong",
        ErrorReason::HubNotReady => "try again: the hub is starting, and says on its admin port when it is ready",
        ErrorReason::RevisionNotReached => "try again: the hub has not caught up with that revision yet",
        ErrorReason::PageToken => "start the list again from its first page",
        ErrorReason::Internal => "report this as a defect of devhub, with the hub's log of that moment",
        ErrorReason::IllegalAccessRequestState => "`devhub list access-requests` shows where it stands",
        ErrorReason::AcknowledgementRequired => {
            "acknowledge that there is no way back with --acknowledge-one-way, or keep the subscription"
        }
        ErrorReason::FollowerTooSlow => "reconnect; the stream goes on where it ended",
        ErrorReason::GatewayDisconnected => {
            "reconnect; the stream goes on where it ended, if the gateway still may follow"
        }
        ErrorReason::EpochChanged => "start anew from the first revision: the hub was restored from a backup",
        ErrorReason::CompanyNotFound => "check the id with `devhub company list`",
        ErrorReason::NotACompanyAdministrator => {
            "act as an administrator of the company; `devhub company get` names them"
        }
        ErrorReason::ServiceAccountNotFound => "check account and company with `devhub service-account list`",
        ErrorReason::ServiceAccountRemoved => "use the application that replaces the account: a removal is final",
        ErrorReason::CreationClosed => {
            "declare a service account in a version of the application and have the company install that; \
             `devhub credential-class history` shows the dates"
        }
        ErrorReason::EarlierNotAccepted => "repeat with --accept-earlier if the earlier date is meant",
        ErrorReason::ClassNoticeTooShort => {
            "choose the date that is named or a later one, or give --override-reason; see `devhub credential-class show`"
        }
        ErrorReason::RecentUse => "move what uses the account first, or repeat with --acknowledge-recent-use",
        ErrorReason::ExtensionGranted => "a company has one extension; `devhub company get` shows it",
        ErrorReason::ExtensionRefused => {
            "choose an instant in the range that is named; `devhub credential-class show` shows the sunset"
        }
        ErrorReason::ExtensionNotFound => "`devhub company get` shows what the company has",
        ErrorReason::ServiceAccountDiffers => {
            "`devhub service-account get` shows what the hub has; correct the file, or change the account"
        }
        ErrorReason::InstallationDiffers => {
            "`devhub list installations` shows what the hub has; correct the file, or change the installation"
        }
        ErrorReason::NothingToDo => "nothing needs to be done: it is as asked already",
        ErrorReason::NoticeTooShort => "choose the date that is named or a later one, or give --override-reason",
        ErrorReason::AnnouncementOutOfOrder => {
            "leave --announced out, or choose an instant after the last announcement"
        }
        ErrorReason::PartsNotInPolicy => "publish a new major version and deprecate the whole old one",
        ErrorReason::OperationUnknown => "`devhub get version` lists the endpoints of a version",
        ErrorReason::NamespaceEmpty => "`devhub list apis` shows which contexts there are",
        ErrorReason::BrownoutRefused => "`devhub schedule` shows the dates and the brownouts that are planned",
        ErrorReason::ScheduleNotFound => "`devhub calendar` shows what has dates",
        ErrorReason::PlanStale => "preview the change again, and look at what is different",
        ErrorReason::WaiverTooLong => "choose the instant that is named or an earlier one, and grant it again in time",
        ErrorReason::UndoWindowPassed => {
            "`devhub subscribe` anew, or ask an operator for a waiver if the version is deprecated"
        }
        ErrorReason::NothingToUndo => "`devhub get subscription` shows what became of it",
        ErrorReason::OverlapOutOfRange => {
            "choose an instant within the next 90 days, or none to end the old one at once"
        }
        ErrorReason::SubscriptionEnding => "undo the move that ends it, then move again",
        ErrorReason::ApplicationNotInEnvironment => "`devhub get application` shows where it lives",
        ErrorReason::WaiverNotFound => "`devhub waive list` shows which there are",
        ErrorReason::AnnouncementNotFound => "check the id with `devhub announce list`",
        ErrorReason::PublicationOutOfOrder => "choose a date that has passed and is not before the revision before it",
        ErrorReason::NoticeNotFound => "check the id with `devhub notices list`",
        ErrorReason::NotARecipient => "act as one of the recipients: --actor collaborator:EMAIL",
        ErrorReason::PepperRequired => {
            "make one with `devhub pepper new` and start the hub with --pepper-file; keep it apart from the data"
        }
        ErrorReason::ClientSecretNotFound => "`devhub secret list` shows which there are",
        ErrorReason::KeyNotFound => "`devhub key list` shows which there are",
        ErrorReason::KeyExists => "`devhub key list` shows it; make a new pair of keys and add its public one",
        ErrorReason::VerificationLimited => "wait as long as the answer says, and find out what keeps failing",
        ErrorReason::QuotaExceeded => {
            "give up what is not needed any more, or have an operator of the hub raise the quota"
        }
        ErrorReason::RateExceeded => "go on after the time that the answer says, or more slowly",
        ErrorReason::OrganisationNotFound => "`devhub organisation list` shows which are known",
        ErrorReason::OrganisationNotVerified => "ask an operator to verify the owner: `devhub organisation set`",
        ErrorReason::OrganisationNotAPartner => {
            "ask an operator to make the owner a partner: `devhub organisation set`"
        }
        ErrorReason::ApplicationNotApproved => {
            "complete the approval of the application; `devhub get application` shows where it stands"
        }
        ErrorReason::AppVersionNotFound => "`devhub app-version list` shows which there are",
        ErrorReason::AppVersionNotIncreasing => "choose a number above the newest; `devhub app-version list` shows it",
        ErrorReason::AppVersionInSandbox => "uplift the application with `devhub uplift` and create the version there",
        ErrorReason::IllegalAppVersionState => "`devhub app-version show` shows how far the version has come",
        ErrorReason::ListingNotFound => "submit it first: `devhub listing submit`",
        ErrorReason::IllegalListingState => "`devhub listing show` shows where the listing stands",
        ErrorReason::Maintenance => "repeat it after the window; `devhub maintenance list` shows all windows",
        ErrorReason::SecondPersonRequired => {
            "have another operator look at it and approve it: `devhub proposal show`, `devhub proposal approve`"
        }
        ErrorReason::ProposalNotFound => "`devhub proposal list --all` shows which there are",
        ErrorReason::ProposalNotOpen => {
            "`devhub proposal list` shows those that wait; make the call anew if it is over"
        }
        ErrorReason::ProposalStale => "make the call anew, and have that approved",
        ErrorReason::WrongPerson => "ask another operator; `devhub proposal show` says whose it is",
        ErrorReason::BreakGlassRefused => {
            "`devhub break-glass new` makes a code; have another operator approve it instead"
        }
        ErrorReason::RestoreUnconfirmed => "repeat it after `devhub confirm-restore`, which takes two operators",
        ErrorReason::MaintenanceNotFound => "`devhub maintenance list` shows which there are",
        ErrorReason::InstallationNotFound => "`devhub list installations --ended` shows what is and was installed",
        ErrorReason::AlreadyInstalled => "update it instead: `devhub update-installation`",
        ErrorReason::CredentialsMismatch => {
            "use an application of the environment that is named; `devhub uplift` makes one for production"
        }
        ErrorReason::AppVersionNotAvailable => "`devhub app-version list` shows how far each version has come",
        ErrorReason::ListingClosed => "`devhub listing show` shows why the listing is closed",
        ErrorReason::WiderPermissions => {
            "have an administrator of the company look at what is named and give --approve-wider-permissions"
        }
        ErrorReason::ProjectsUnknown => "name projects that the company has, or permit all with --all-projects",
        ErrorReason::CompanyApprovalRequired => "act as an administrator of the company: --actor collaborator:EMAIL",
        ErrorReason::SinceOutOfRange => "state a beginning that can be; for a subscription, leave it out for now",
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_reason_has_a_hint() {
        let reasons: Vec<ErrorReason> = (0..1000).filter_map(|number| ErrorReason::try_from(number).ok()).collect();
        assert!(reasons.len() > 60, "{}", reasons.len());
        for reason in reasons {
            let text = hint(reason);
            assert!(text.len() > 15 && !text.ends_with('.'), "{}: {text:?}", reason.as_str_name());
        }
    }

    #[test]
    fn the_commands_that_hints_name_exist() {
        let known = Cli::command();
        let reasons = (0..1000).filter_map(|number| ErrorReason::try_from(number).ok());
        let mut named = 0;
        for text in reasons.map(hint) {
            for words in text.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.strip_prefix("devhub ")) {
                let mut command = &known;
                for word in words.split(' ').take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase())) {
                    command = command.find_subcommand(word).unwrap_or_else(|| panic!("there is no `devhub {words}`"));
                }
                assert!(!command.has_subcommands(), "`devhub {words}` is not all of a command");
                named += 1;
            }
        }
        assert!(named > 20, "{named}");
    }
}
