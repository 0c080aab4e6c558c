//! Every call, by every role, of one's own things, of those of others and of things that are not there: who does not make a
//! call is refused whatever it names, and what belongs to others is answered byte by byte as what is not there.

use std::collections::BTreeSet;

use bytes::Bytes;
use devhub::access::{Admission, Principal, Role, table};
use devhub::secret;
use devhub::wire::timestamp;
use devhub_decision::Environment;
use devhub_proto::v1;
use http::uri::PathAndQuery;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use crate::access_requests::{Names, request};
use crate::raw::Raw;
use crate::world::*;

const CAROL: &str = "collaborator:carol@example.com";

/// Whose things a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    Other,
    Absent,
}

struct Matrix {
    world: World,
    own: Names,
    other: Names,
    absent: Names,
    _directory: tempfile::TempDir,
}

/// Who calls, by the word that these tests send.
fn principal(word: &str) -> Principal {
    let apis = ["losses/own".parse().unwrap()];
    match word {
        "DEVELOPER" => Principal::Developer { email: "ada@example.com".parse().unwrap(), via: "portal".into() },
        "COMPANY_ADMINISTRATOR" => Principal::CompanyAdministrator {
            email: "carol@example.com".parse().unwrap(),
            company: "com-own".parse().unwrap(),
            via: "portal".into(),
        },
        "PUBLISHER" => Principal::Publisher { name: "losses".into(), apis: apis.into(), via: "portal".into() },
        "OPERATOR" => Principal::Operator { name: "olga".into() },
        "GATEWAY" => Principal::Gateway { environment: Environment::Sandbox, id: "gw-1".into() },
        "MACHINE" => {
            let all: BTreeSet<Box<str>> =
                crate::contract::methods().iter().map(|m| format!("devhub.v1.{m}").into()).collect();
            Principal::Machine { name: "deployer".into(), scopes: all.into_iter().collect() }
        }
        "AUDITOR" => Principal::Auditor { name: "anna".into() },
        _ => Principal::Anyone,
    }
}

fn names(whose: &str, person: &str) -> Names {
    Names {
        application: format!("app-{whose}"),
        person: format!("{person}@example.com"),
        secret: String::new(),
        notice: String::new(),
        company: format!("com-{whose}"),
        account: format!("sa-{whose}"),
        context: format!("losses/{whose}"),
        announcement: format!("ann-{whose}"),
        installed: "app-inst".to_owned(),
    }
}

/// Another text of the same length, which still is an id.
fn another(text: &str) -> String {
    let last = if text.ends_with('0') { '1' } else { '0' };
    text[..text.len() - 1].to_owned() + &last.to_string()
}

impl Matrix {
    /// Two of everything: an application of Ada's and one of Bob's, a company of Carol's and one of Dave's, two APIs.
    async fn new() -> Matrix {
        let directory = tempfile::tempdir().unwrap();
        let peppers = directory.path().join("peppers");
        secret::create(&peppers).unwrap();
        let admission = Admission::by(|request| {
            let word = request.headers().get("test-caller").and_then(|value| value.to_str().ok());
            principal(word.unwrap_or_default())
        });
        let world = World::admitting(admission, |config| config.pepper_file = Some(peppers.clone())).await;
        let (mut own, mut other) = (names("own", "ada"), names("oth", "bob"));
        for (names, carol) in [(&own, CAROL), (&other, "collaborator:dave@example.com")] {
            world.set_up_api(names).await;
            world.application_of(&names.application, &names.person).await;
            world.set_up_company(names, carol).await;
        }
        world.application_of("app-inst", "eve@example.com").await;
        let made = crate::promoting::app_version("app-inst", "1.0.0");
        let made = v1::CreateAppVersionRequest { app_version: Some(made), ..Default::default() };
        world.app_versions(OPERATOR).create_app_version(made).await.unwrap();
        for names in [&mut own, &mut other] {
            world.set_up_belongings(names).await;
        }
        world.cry().await;
        for names in [&mut own, &mut other] {
            let list = v1::ListNoticesRequest { application_id: names.application.clone(), ..Default::default() };
            let notices = world.notices("").list_notices(list).await.unwrap().into_inner().notices;
            names.notice = notices.first().expect("a notice of the announcement").notice_id.clone();
        }
        let mut absent = names_of_nothing();
        (absent.secret, absent.notice) = (another(&other.secret), another(&other.notice));
        Matrix { world, own, other, absent, _directory: directory }
    }

    fn names(&self, whose: Whose) -> &Names {
        match whose {
            Whose::Own => &self.own,
            Whose::Other => &self.other,
            Whose::Absent => &self.absent,
        }
    }

    /// The names of a request: what the role has to do with is theirs, another's or nobody's, and all else is there.
    fn asked(&self, role: Role, whose: Whose, call: &str) -> Names {
        let varied = self.names(whose).clone();
        let is_list_of_notices = call == "NoticeService/ListNotices";
        match role {
            Role::Developer => {
                Names { company: String::new(), context: self.own.context.clone(), account: String::new(), ..varied }
            }
            Role::CompanyAdministrator => Names {
                application: if is_list_of_notices { String::new() } else { self.own.application.clone() },
                context: self.own.context.clone(),
                ..varied
            },
            Role::Publisher => Names {
                // Of the other API the same application is a subscriber; usage is told of a version.
                application: if call == "UsageService/ListUsage" {
                    String::new()
                } else {
                    self.own.application.clone()
                },
                ..varied
            },
            Role::Operator | Role::Gateway | Role::Machine | Role::Auditor => varied,
        }
    }

    async fn call(&self, role: Role, call: &str, message: Vec<u8>, streams: bool) -> Result<Bytes, Status> {
        let mut grpc = tonic::client::Grpc::new(self.world.channel.clone());
        grpc.ready().await.unwrap();
        let path: PathAndQuery = format!("/devhub.v1.{call}").parse().unwrap();
        let mut request = Request::new(tokio_stream::iter([message]));
        request.metadata_mut().insert("test-caller", MetadataValue::from_static(role.name()));
        // What a caller says of itself counts for nothing.
        request.metadata_mut().insert("devhub-actor", MetadataValue::from_static(OPERATOR));
        let mut replies = grpc.streaming(request, path, Raw).await?.into_inner();
        // A stream that goes on may have nothing to say yet: that it began is enough.
        if streams { Ok(Bytes::new()) } else { Ok(replies.message().await?.unwrap_or_default()) }
    }
}

fn names_of_nothing() -> Names {
    names("abs", "zoe")
}

impl World {
    async fn set_up_api(&self, names: &Names) {
        self.api_with(&names.context, "hmrc-mtd").await;
        let both = [v1::Environment::Sandbox, v1::Environment::Production];
        let versions = [
            ("1.0", v1::Maturity::Stable, &both[..], v1::AccessType::Public),
            ("2.0", v1::Maturity::Stable, &both[..], v1::AccessType::Public),
            ("3.0", v1::Maturity::Alpha, &both[..1], v1::AccessType::Public),
            ("4.0", v1::Maturity::Stable, &both[..], v1::AccessType::Controlled),
        ];
        for (label, maturity, environments, access) in versions {
            let deployments = environments.iter().map(|environment| deployment(*environment, maturity)).collect();
            let version = v1::ApiVersion {
                context: names.context.clone(),
                access_type: access.into(),
                ..version(label, deployments)
            };
            self.publish(version).await.unwrap();
        }
    }

    async fn application_of(&self, id: &str, email: &str) {
        let person = v1::Collaborator { email: email.into(), role: v1::Role::Administrator.into() };
        self.application_with(id, |application| application.collaborators = vec![person]).await.unwrap();
    }

    async fn set_up_company(&self, names: &Names, administrator: &str) {
        let company = v1::Company {
            tenancy: v1::Tenancy::DevelopmentSandbox.into(),
            ..crate::accounts::company(&names.company, administrator)
        };
        let request = v1::CreateCompanyRequest { company: Some(company), ..Default::default() };
        self.companies(OPERATOR).create_company(request).await.unwrap();
        let account = v1::ServiceAccount {
            account_id: names.account.clone(),
            company_id: names.company.clone(),
            name: "Sync".into(),
            ..Default::default()
        };
        let request = v1::CreateServiceAccountRequest { account: Some(account), ..Default::default() };
        self.accounts(OPERATOR).create_service_account(request).await.unwrap();
    }

    /// What belongs to the application, the company and the API.
    async fn set_up_belongings(&self, names: &mut Names) {
        let application_id = names.application.clone();
        for context in ["losses/own", "losses/oth"] {
            let request = v1::SubscribeRequest {
                application_id: application_id.clone(),
                context: context.into(),
                version: "1.0".into(),
                ..Default::default()
            };
            self.subscriptions(OPERATOR).subscribe(request).await.unwrap();
            let request = v1::GrantWaiverRequest {
                application_id: application_id.clone(),
                context: context.into(),
                version: "3.0".into(),
                kind: v1::WaiverKind::NewSubscription.into(),
                until_time: Some(timestamp(start() + days(30))),
                reason: "early".into(),
                approver: "boss".into(),
                ..Default::default()
            };
            self.waivers(OPERATOR).grant_waiver(request).await.unwrap();
        }
        let made = crate::promoting::app_version(&application_id, "1.0.0");
        let made = v1::CreateAppVersionRequest { app_version: Some(made), ..Default::default() };
        self.app_versions(OPERATOR).create_app_version(made).await.unwrap();
        let request = v1::CreateClientSecretRequest {
            application_id: application_id.clone(),
            name: "Laptop".into(),
            ..Default::default()
        };
        let made = self.credentials(OPERATOR).create_client_secret(request).await.unwrap().into_inner();
        names.secret = made.client_secret.unwrap().client_secret_id;
        let request = crate::installing::install("app-inst", &names.company, "");
        self.installations(OPERATOR).install(request).await.unwrap();
        let request = v1::PublishAnnouncementRequest {
            announcement_id: names.announcement.clone(),
            content: Some(names.content()),
            ..Default::default()
        };
        self.announcements(OPERATOR).publish_announcement(request).await.unwrap();
    }
}

/// Every call as `Service/Method`, with whether its replies are a stream; those that end things come last.
fn calls() -> Vec<(String, bool)> {
    let set = FileDescriptorSet::decode(v1::DESCRIPTORS).unwrap();
    let files = set.file.into_iter().filter(|file| file.package() == "devhub.v1");
    let mut calls: Vec<(String, bool)> = Vec::new();
    for service in files.flat_map(|file| file.service) {
        let streams = |method: &prost_types::MethodDescriptorProto| method.server_streaming();
        let named = service.method.iter().map(|m| (format!("{}/{}", service.name(), m.name()), streams(m)));
        calls.extend(named);
    }
    let rank = |call: &str| {
        let method = call.split('/').next_back().unwrap();
        let ends = ["Uninstall", "Unsubscribe", "UndoUnsubscribe", "Revoke", "Remove", "Withdraw", "Retire", "Delete"];
        (ends.iter().position(|end| method.starts_with(end)).map_or(0, |place| place + 1), method == "UndoMove")
    };
    calls.sort_by_key(|(call, _)| rank(call));
    calls
}

/// Calls whose own things need more than this world has, and what they say instead.
const OWN_NOT_THERE: [&str; 4] = [
    // No application of this world stands in the marketplace.
    "ListingService/GetListing",
    "ListingService/RemoveListing",
    // No namespace has dates.
    "ScheduleService/GetNamespace",
    // It was installed by then with what it may do; there is nothing newer.
    "InstallationService/UpdateInstallation",
];

/// Calls whose things are everybody's, or new: nothing to hide.
fn is_public(call: &str) -> bool {
    let public = table::callers(&format!("/devhub.v1.{call}")).is_some_and(|callers| callers.include(Role::Auditor));
    public || call == "ApplicationService/CreateApplication" || call == "ListingService/ListListings"
}

/// A preview without its token, which holds a digest of the request.
fn without_token(reply: &Bytes) -> Bytes {
    let preview = v1::PreviewLifecycleChangeResponse::decode(reply.clone()).unwrap();
    v1::PreviewLifecycleChangeResponse { plan_token: String::new(), ..preview }.encode_to_vec().into()
}

/// A reply or a refusal as bytes, in which the names of others are those of nothing.
fn bytes(result: &Result<Bytes, Status>, asked: &Names, absent: &Names) -> Vec<u8> {
    let mut bytes = match result {
        Ok(reply) => [b"OK ", &reply[..]].concat(),
        Err(status) => [format!("{:?} {} ", status.code(), status.message()).as_bytes(), status.details()].concat(),
    };
    for (from, to) in asked.pairs(absent) {
        assert!(from.is_empty() || from.len() == to.len(), "{from} {to}");
        let places: Vec<usize> = (0..bytes.len().saturating_sub(from.len()) + 1)
            .filter(|place| !from.is_empty() && bytes[*place..].starts_with(from.as_bytes()))
            .collect();
        for place in places {
            bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

#[tokio::test]
async fn every_call_by_every_role_of_own_of_others_and_of_nothing() {
    let matrix = Matrix::new().await;
    let calls = calls();
    let mut wrong = Vec::new();
    let (mut denied, mut hidden, mut done) = (0, 0, 0);
    for role in [
        Role::Gateway,
        Role::Auditor,
        Role::Developer,
        Role::CompanyAdministrator,
        Role::Publisher,
        Role::Machine,
        Role::Operator,
    ] {
        let scoped = matches!(role, Role::Developer | Role::CompanyAdministrator | Role::Publisher);
        for whose in [Whose::Absent, Whose::Own] {
            for (call, streams) in &calls {
                let permitted = table::callers(&format!("/devhub.v1.{call}")).unwrap().include(role);
                let ask = async |whose: Whose| {
                    let names = matrix.asked(role, whose, call);
                    let message =
                        request(call, &names, "").unwrap_or_else(|| panic!("the matrix knows no request of {call}"));
                    (matrix.call(role, call, message, *streams).await, names)
                };
                let here = format!("{} {call}", role.name());
                if !permitted {
                    for whose in [Whose::Own, Whose::Other, Whose::Absent] {
                        let (result, _) = ask(whose).await;
                        let refused = result.as_ref().err().map(|status| (status.code(), reason(status)));
                        if refused != Some((Code::PermissionDenied, "ROLE_NOT_PERMITTED".to_owned())) {
                            wrong.push(format!("{here} {whose:?}: not denied: {result:?}"));
                        }
                        denied += 1;
                    }
                    continue;
                }
                if whose == Whose::Own {
                    let (result, _) = ask(Whose::Own).await;
                    let code = result.as_ref().err().map_or(Code::Ok, Status::code);
                    let bad = if scoped {
                        // A notice of an application was sent to no company.
                        let of_others = role == Role::CompanyAdministrator && call == "NoticeService/AcknowledgeNotice";
                        !OWN_NOT_THERE.contains(&&**call)
                            && !of_others
                            && matches!(code, Code::PermissionDenied | Code::NotFound | Code::InvalidArgument)
                    } else {
                        result.as_ref().is_err_and(|status| reason(status) == "ROLE_NOT_PERMITTED")
                    };
                    if bad || matches!(code, Code::Unauthenticated | Code::Internal | Code::Unimplemented) {
                        wrong.push(format!("{here} own: {result:?}"));
                    }
                    done += usize::from(code == Code::Ok);
                } else if scoped && !is_public(call) {
                    let (other, others) = ask(Whose::Other).await;
                    let (absent, nothing) = ask(Whose::Absent).await;
                    let (other, absent) = match &**call {
                        "ScheduleService/PreviewLifecycleChange" => {
                            (other.map(|reply| without_token(&reply)), absent.map(|reply| without_token(&reply)))
                        }
                        _ => (other, absent),
                    };
                    let (is, should) = (bytes(&other, &others, &nothing), bytes(&absent, &nothing, &nothing));
                    if is != should {
                        wrong.push(format!("{here}: other {other:?}, absent {absent:?}"));
                    }
                    let answered = absent.as_ref().err().map_or(Code::Ok, Status::code);
                    // A request that is refused for another reason would hide nothing.
                    if !matches!(answered, Code::Ok | Code::NotFound) {
                        wrong.push(format!("{here} absent: {absent:?}"));
                    }
                    hidden += 1;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    // The matrix was walked: most of it was neither vacuous nor refused.
    assert!(denied > 1000 && hidden > 60 && done > 150, "{denied} denied, {hidden} hidden, {done} done");
}
