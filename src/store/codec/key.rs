//! Keys as bytes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::domain::ledger::{OperationName, Target};
use crate::domain::name::{AnnouncementId, ApplicationId, CompanyId, Context, RequestId};
use crate::domain::notice::{Holder, Milestone, NoticeSubject, Occasion};
use crate::domain::record::RecordKey;

/// What a key is of: its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An API.
    Api = b'i' as isize,
    /// A version.
    Version = b'v' as isize,
    /// An application.
    Application = b'a' as isize,
    /// The latest subscription of an application to a version.
    Subscription = b's' as isize,
    /// An ended subscription that a later one has followed.
    EndedSubscription = b'h' as isize,
    /// An access request.
    AccessRequest = b'x' as isize,
    /// A client id.
    ClientId = b'c' as isize,
    /// The name of a production application.
    ApplicationName = b'n' as isize,
    /// The answer to a request id.
    Answer = b'q' as isize,
    /// One revision of a schedule.
    Revision = b'l' as isize,
    /// A namespace with a schedule.
    Namespace = b'p' as isize,
    /// A waiver.
    Waiver = b'w' as isize,
    /// A notice of an application.
    Notice = b'm' as isize,
    /// A notice of a company.
    CompanyNotice = b'z' as isize,
    /// The giving of notices.
    NoticeRun = b'r' as isize,
    /// An announcement.
    Announcement = b'u' as isize,
    /// One revision of an announcement.
    AnnouncementRevision = b'k' as isize,
    /// An exemption from brownouts.
    Exemption = b'e' as isize,
    /// A company.
    Company = b'C' as isize,
    /// A project of a company.
    Project = b'J' as isize,
    /// A traditional service account.
    ServiceAccount = b'T' as isize,
    /// The class of traditional service accounts.
    CredentialClass = b'K' as isize,
    /// One revision of the dates of the class.
    ClassRevision = b'R' as isize,
    /// The secrets of an application.
    ClientSecrets = b'g' as isize,
    /// The public keys of an application.
    RegisteredKeys = b'G' as isize,
    /// What a gateway enforces for an application.
    CallLimits = b'f' as isize,
    /// The announced deletion of an application that nobody uses.
    Disuse = b'd' as isize,
    /// A developer organisation.
    Organisation = b'O' as isize,
    /// A version of an application, or all of them in brief.
    AppVersion = b'M' as isize,
    /// A listing.
    Listing = b'L' as isize,
    /// A maintenance window, or all that lie ahead.
    Maintenance = b'W' as isize,
    /// An application in a company.
    Installation = b'S' as isize,
    /// A proposal, or those that wait in brief.
    Proposal = b'P' as isize,
    /// That the restored hub serves again.
    RestoreConfirmation = b'E' as isize,
    /// A gateway that was revoked at least once.
    Gateway = b'D' as isize,
}

impl Kind {
    const ALL: [Kind; 35] = [
        Kind::Api,
        Kind::Version,
        Kind::Application,
        Kind::Subscription,
        Kind::EndedSubscription,
        Kind::AccessRequest,
        Kind::ClientId,
        Kind::ApplicationName,
        Kind::Answer,
        Kind::Revision,
        Kind::Namespace,
        Kind::Waiver,
        Kind::Notice,
        Kind::CompanyNotice,
        Kind::NoticeRun,
        Kind::Announcement,
        Kind::AnnouncementRevision,
        Kind::Exemption,
        Kind::Company,
        Kind::Project,
        Kind::ServiceAccount,
        Kind::CredentialClass,
        Kind::ClassRevision,
        Kind::ClientSecrets,
        Kind::RegisteredKeys,
        Kind::CallLimits,
        Kind::Disuse,
        Kind::Organisation,
        Kind::AppVersion,
        Kind::Listing,
        Kind::Maintenance,
        Kind::Installation,
        Kind::Proposal,
        Kind::RestoreConfirmation,
        Kind::Gateway,
    ];

    /// The byte.
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

/// What `key` is of, if it is one of ours.
pub fn kind(key: &[u8]) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| key.first() == Some(&kind.byte()))
}

fn join(kind: Kind, parts: &[&str]) -> Bytes {
    let mut key = BytesMut::with_capacity(parts.iter().map(|part| part.len() + 1).sum::<usize>() + 1);
    key.put_u8(kind.byte());
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            key.put_u8(0);
        }
        key.put_slice(part.as_bytes());
    }
    key.freeze()
}

/// The key as bytes.
pub fn encode(key: &RecordKey) -> Bytes {
    match key {
        RecordKey::Api(context) => join(Kind::Api, &[context.as_str()]),
        RecordKey::Version(name) => join(Kind::Version, &[name.context.as_str(), name.label.as_str()]),
        RecordKey::Application(id) => join(Kind::Application, &[id.as_str()]),
        RecordKey::Subscription(id, name) => {
            join(Kind::Subscription, &[id.as_str(), name.context.as_str(), name.label.as_str()])
        }
        RecordKey::EndedSubscription(id, name, subscription) => join(
            Kind::EndedSubscription,
            &[id.as_str(), name.context.as_str(), name.label.as_str(), subscription.as_str()],
        ),
        RecordKey::AccessRequest(id, name) => {
            join(Kind::AccessRequest, &[id.as_str(), name.context.as_str(), name.label.as_str()])
        }
        RecordKey::ClientId(client_id) => join(Kind::ClientId, &[client_id.as_str()]),
        RecordKey::ApplicationName(name) => join(Kind::ApplicationName, &[name]),
        RecordKey::Revision(target, number) => {
            // Big-endian, so that the revisions of a target stand in their order.
            let mut key = BytesMut::from(&revisions_of(target)[..]);
            key.put_u32(*number);
            key.freeze()
        }
        RecordKey::Exemption(id, name) => {
            join(Kind::Exemption, &[id.as_str(), name.context.as_str(), name.label.as_str()])
        }
        RecordKey::Waiver(id, name, kind) => {
            join(Kind::Waiver, &[id.as_str(), name.context.as_str(), name.label.as_str(), kind.name()])
        }
        RecordKey::ClientSecrets(id) => join(Kind::ClientSecrets, &[id.as_str()]),
        RecordKey::RegisteredKeys(id) => join(Kind::RegisteredKeys, &[id.as_str()]),
        RecordKey::CallLimits(id) => join(Kind::CallLimits, &[id.as_str()]),
        RecordKey::Namespace(name) => join(Kind::Namespace, &[name.as_str()]),
        RecordKey::Notice(Holder::Application(application), id) => {
            join(Kind::Notice, &[application.as_str(), id.as_str()])
        }
        RecordKey::Notice(Holder::Company(company), id) => join(Kind::CompanyNotice, &[company.as_str(), id.as_str()]),
        RecordKey::Disuse(id) => join(Kind::Disuse, &[id.as_str()]),
        RecordKey::NoticeRun(occasion) => encode_run(occasion),
        RecordKey::Organisation(id) => join(Kind::Organisation, &[id.as_str()]),
        RecordKey::AppVersion(id, number) => join(Kind::AppVersion, &[id.as_str(), &number.to_string()]),
        // Without the zero byte behind the id it is no version of the application, and comes before all of them.
        RecordKey::Releases(id) => join(Kind::AppVersion, &[id.as_str()]),
        RecordKey::Installation(id, company) => join(Kind::Installation, &[id.as_str(), company.as_str()]),
        RecordKey::Listing(id) => join(Kind::Listing, &[id.as_str()]),
        RecordKey::Maintenance(id) => join(Kind::Maintenance, &[id.as_str(), ""]),
        // No window has an empty id.
        RecordKey::MaintenanceAhead => join(Kind::Maintenance, &[""]),
        RecordKey::Proposal(id) => join(Kind::Proposal, &[id.as_str(), ""]),
        // No proposal has an empty id.
        RecordKey::ProposalBook => join(Kind::Proposal, &[""]),
        RecordKey::RestoreConfirmation => join(Kind::RestoreConfirmation, &[]),
        RecordKey::Gateway(environment, id) => join(Kind::Gateway, &[environment.name(), id.as_str()]),
        RecordKey::Announcement(id) => join(Kind::Announcement, &[id.as_str()]),
        RecordKey::Company(id) => join(Kind::Company, &[id.as_str()]),
        RecordKey::Project(company, id) => join(Kind::Project, &[company.as_str(), id.as_str()]),
        RecordKey::ServiceAccount(id) => join(Kind::ServiceAccount, &[id.as_str()]),
        RecordKey::CredentialClass => join(Kind::CredentialClass, &[]),
        RecordKey::ClassRevision(number) => {
            let mut key = BytesMut::from(&join(Kind::ClassRevision, &[])[..]);
            key.put_u32(*number);
            key.freeze()
        }
        RecordKey::AnnouncementRevision(id, number) => {
            let mut key = BytesMut::from(&announcement_revisions_of(id)[..]);
            key.put_u32(*number);
            key.freeze()
        }
    }
}

/// The prefix of the keys of all revisions of a target.
pub fn revisions_of(target: &Target) -> Bytes {
    let environment = target.environment().name();
    match target {
        Target::Version(name, _) => {
            join(Kind::Revision, &[name.context.as_str(), name.label.as_str(), environment, "", ""])
        }
        Target::Operation(operation, _) => {
            let OperationName { version, method, path } = operation;
            let (context, label) = (version.context.as_str(), version.label.as_str());
            join(Kind::Revision, &[context, label, environment, method, path, ""])
        }
        Target::Namespace(name, _) => join(Kind::Revision, &[name.as_str(), "", environment, "", ""]),
    }
}

/// The key of the giving of an occasion's notices: its subject, then revision and milestone.
fn encode_run(occasion: &Occasion) -> Bytes {
    let mut key = BytesMut::new();
    key.put_u8(Kind::NoticeRun.byte());
    match &occasion.subject {
        NoticeSubject::Schedule(target) => key.put_slice(&revisions_of(target)),
        NoticeSubject::Announcement(id) => key.put_slice(&announcement_revisions_of(id)),
        // One application is told in the commit itself, so there is no run; the key is another one all the same.
        NoticeSubject::Disuse(id) => key.put_slice(&join(Kind::Disuse, &[id.as_str(), ""])),
        NoticeSubject::CredentialClass => key.put_slice(&join(Kind::ClassRevision, &[])),
    }
    key.put_u32(occasion.revision);
    let (milestone, days) = match occasion.milestone {
        Milestone::Announced => (b'a', 0),
        Milestone::Deprecated => (b'd', 0),
        Milestone::Countdown(days) => (b't', days),
        Milestone::Retired => (b'z', 0),
        Milestone::SunsetBegins => (b's', 0),
        Milestone::CreationEnds => (b'c', 0),
        Milestone::Sunset => (b'e', 0),
        Milestone::Deleted => (b'x', 0),
        Milestone::Kept => (b'k', 0),
    };
    key.put_u8(milestone);
    key.put_u32(days);
    key.freeze()
}

/// The prefix of the keys of all revisions of an announcement.
pub fn announcement_revisions_of(id: &AnnouncementId) -> Bytes {
    join(Kind::AnnouncementRevision, &[id.as_str(), ""])
}

/// The prefix of the keys of all revisions of what lies in a context, or of a namespace itself.
pub fn revisions_in(context: &Context) -> Bytes {
    join(Kind::Revision, &[context.as_str(), ""])
}

/// The key of the answer to a request id.
pub(super) fn answer(id: &RequestId) -> Bytes {
    join(Kind::Answer, &[id.as_str()])
}

/// The prefix of the keys of all projects of a company.
pub fn projects_of(company: &CompanyId) -> Bytes {
    join(Kind::Project, &[company.as_str(), ""])
}

/// The prefix of the keys of all notices of a holder.
pub fn notices_of(holder: &Holder) -> Bytes {
    match holder {
        Holder::Application(id) => join(Kind::Notice, &[id.as_str(), ""]),
        Holder::Company(id) => join(Kind::CompanyNotice, &[id.as_str(), ""]),
    }
}

/// Whose notice stands under a key, if it is that of a notice.
pub fn holder_of(key: &[u8]) -> Option<Holder> {
    let end = key.iter().position(|byte| *byte == 0)?;
    let id = std::str::from_utf8(key.get(1..end)?).ok()?;
    match *key.first()? {
        byte if byte == Kind::Notice.byte() => id.parse().ok().map(Holder::Application),
        byte if byte == Kind::CompanyNotice.byte() => id.parse().ok().map(Holder::Company),
        _ => None,
    }
}

/// The prefix of all keys of `kind` that belong to one application.
pub fn prefix_of(kind: Kind, application: &ApplicationId) -> Bytes {
    join(kind, &[application.as_str(), ""])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::VersionName;

    #[test]
    fn a_prefix_finds_the_keys_of_one_application_only() {
        let name = VersionName { context: "rest/v1.0".parse().expect("valid"), label: "1.10".parse().expect("valid") };
        let of = |id: &str| encode(&RecordKey::Subscription(id.parse().expect("valid"), name.clone()));
        let prefix = prefix_of(Kind::Subscription, &"app".parse().expect("valid"));
        assert!(of("app").starts_with(&prefix));
        assert!(!of("app-2").starts_with(&prefix));
        assert_eq!(&of("app")[..], b"sapp\0rest/v1.0\x001.10");
        assert_eq!(kind(&of("app")), Some(Kind::Subscription));
        assert_eq!(kind(b"?"), None);
    }

    #[test]
    fn notices_of_applications_stand_where_they_stood_and_those_of_companies_apart() {
        let id = crate::domain::notice::Occasion {
            subject: NoticeSubject::CredentialClass,
            revision: 1,
            milestone: Milestone::Sunset,
        }
        .notice_id(chrono::DateTime::UNIX_EPOCH);
        let application = Holder::Application("acme".parse().expect("valid"));
        let company = Holder::Company("acme".parse().expect("valid"));
        let of = |holder: &Holder| encode(&holder.notice(id.clone()));
        assert_eq!(of(&application), join(Kind::Notice, &["acme", id.as_str()]), "as ever");
        assert_eq!(of(&company), join(Kind::CompanyNotice, &["acme", id.as_str()]));
        for holder in [application, company] {
            assert_eq!(holder_of(&of(&holder)), Some(holder.clone()));
            assert!(of(&holder).starts_with(&notices_of(&holder)));
        }
        assert_eq!(holder_of(b"aacme\0"), None);
    }
}
