//! Rule B55: the networks that an application may call from, and how fast it may call.

use devhub_proto::v1;
use tonic::{Code, Status};

use crate::world::*;

async fn set(
    world: &World,
    actor: &'static str,
    application: &str,
    required: bool,
    networks: &[&str],
) -> Result<v1::CallLimits, Status> {
    set_with(world, actor, application, required, networks, "").await
}

async fn set_with(
    world: &World,
    actor: &'static str,
    application: &str,
    required: bool,
    networks: &[&str],
    etag: &str,
) -> Result<v1::CallLimits, Status> {
    let networks = networks.iter().map(|network| (*network).to_owned()).collect();
    let request = v1::SetIpAllowlistRequest {
        application_id: application.into(),
        ip_allowlist: Some(v1::IpAllowlist { required, networks }),
        etag: etag.into(),
        ..Default::default()
    };
    Ok(world.call_limits(actor).set_ip_allowlist(request).await?.into_inner().call_limits.unwrap())
}

async fn tier(
    world: &World,
    actor: &'static str,
    application: &str,
    tier: v1::RateLimitTier,
) -> Result<v1::CallLimits, Status> {
    let request = v1::SetRateLimitTierRequest {
        application_id: application.into(),
        rate_limit_tier: tier.into(),
        reason: "a contract".into(),
        ..Default::default()
    };
    Ok(world.call_limits(actor).set_rate_limit_tier(request).await?.into_inner().call_limits.unwrap())
}

async fn get(world: &World, application: &str) -> Result<v1::CallLimits, Status> {
    let request = v1::GetCallLimitsRequest { application_id: application.into() };
    Ok(world.call_limits("").get_call_limits(request).await?.into_inner().call_limits.unwrap())
}

fn networks(limits: &v1::CallLimits) -> Vec<&str> {
    limits.ip_allowlist.as_ref().unwrap().networks.iter().map(String::as_str).collect()
}

async fn facts(world: &World, kind: v1::FactKind) -> Vec<v1::Fact> {
    world.all_facts(v1::FactFilter { kinds: vec![kind.into()], ..Default::default() }).await
}

#[tokio::test]
async fn b55_an_allowlist_is_kept_in_one_form_and_replaced_whole() {
    let mut world = World::usual().await;
    let usual = get(&world, "app").await.unwrap();
    assert_eq!((usual.etag.as_str(), usual.rate_limit_tier()), ("0", v1::RateLimitTier::Bronze));
    assert_eq!(usual.ip_allowlist, Some(v1::IpAllowlist::default()));
    let given = ["2001:DB8:0:0::/32", "203.0.113.7/32", "198.51.100.0/24"];
    let limits = set(&world, ADA, "app", true, &given).await.unwrap();
    assert_eq!(networks(&limits), ["198.51.100.0/24", "203.0.113.7/32", "2001:db8::/32"]);
    assert_eq!((limits.client_id.as_str(), limits.environment()), ("client-app", v1::Environment::Sandbox));
    assert_eq!(get(&world, "app").await.unwrap(), limits);
    let head = world.hub().store().head().revision;
    assert_eq!(set(&world, ADA, "app", true, &given).await.unwrap(), limits, "as asked already");
    assert_eq!(world.hub().store().head().revision, head);
    world.restart().await;
    assert_eq!(get(&world, "app").await.unwrap(), limits);
    assert_eq!(refused(set_with(&world, ADA, "app", false, &[], "1").await), "ETAG_MISMATCH");
    let limits = set_with(&world, ADA, "app", false, &[], &limits.etag).await.unwrap();
    assert_eq!(limits.ip_allowlist, Some(v1::IpAllowlist::default()));
    let facts = facts(&world, v1::FactKind::IpAllowlistChanged).await;
    let change = |fact: &v1::Fact, field: &str| {
        let change = fact.changes.iter().find(|change| change.field == field).unwrap();
        (change.before.clone(), change.after.clone())
    };
    assert_eq!(facts.len(), 2);
    let text = "198.51.100.0/24 203.0.113.7/32 2001:db8::/32".to_owned();
    assert_eq!(change(&facts[0], "networks"), (String::new(), text.clone()));
    assert_eq!(change(&facts[1], "networks"), (text, String::new()));
    assert_eq!(change(&facts[1], "required"), ("true".into(), "false".into()));
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED", "it is no part of the decision");
}

#[tokio::test]
async fn b55_one_wrong_network_rejects_the_whole_change_and_each_is_named() {
    let world = World::usual().await;
    let before = set(&world, ADA, "app", true, &["198.51.100.0/24"]).await.unwrap();
    let given = ["198.51.100.0/25", "198.51.100.7/24", "here", "0.0.0.0/0", "203.0.113.7", "198.51.100.0/25"];
    let status = set(&world, ADA, "app", true, &given).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    let places = [1, 2, 3, 4, 5].map(|place| format!("ip_allowlist.networks[{place}]"));
    assert_eq!(violations(&status), places);
    for remedy in ["write 198.51.100.0/24", "CIDR notation", "do not require", "write 203.0.113.7/32", "given twice"] {
        assert!(status.message().contains(remedy), "{remedy}: {}", status.message());
    }
    assert_eq!(get(&world, "app").await.unwrap(), before, "nothing of it was done");
    // More than a status can explain are all named.
    let mut many = vec!["10.0.0.0/8"];
    many.resize(50, "wrong");
    let status = set(&world, ADA, "app", true, &many).await.unwrap_err();
    let details = tonic_types::StatusExt::get_details_bad_request(&status).unwrap().field_violations;
    assert_eq!(details.len(), 11);
    let rest: Vec<String> = (11..50).map(|place: u32| place.to_string()).collect();
    assert_eq!(details[10].description, format!("so are those at {}", rest.join(", ")));
    let long = "9".repeat(10_000);
    let status = set(&world, ADA, "app", true, &[&long]).await.unwrap_err();
    assert!(status.message().contains("CIDR notation"), "{}", status.message());
}

#[tokio::test]
async fn b55_an_allowlist_has_a_limit_and_is_not_a_trap() {
    let world = World::usual().await;
    let texts: Vec<String> = (0..51).map(|number| format!("10.{number}.0.0/16")).collect();
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(networks(&set(&world, ADA, "app", true, &all[..50]).await.unwrap()).len(), 50);
    let status = set(&world, ADA, "app", true, &all).await.unwrap_err();
    assert_eq!(violations(&status), ["ip_allowlist.networks"]);
    assert!(status.message().contains("51 networks are given and at most 50"), "{}", status.message());
    let status = set(&world, ADA, "app", true, &[]).await.unwrap_err();
    assert!(status.message().contains("would deny every call"), "{}", status.message());
    assert_eq!(networks(&get(&world, "app").await.unwrap()).len(), 50);
    let request = v1::SetIpAllowlistRequest { application_id: "app".into(), ..Default::default() };
    let status = world.call_limits(ADA).set_ip_allowlist(request).await.unwrap_err();
    assert_eq!(violations(&status), ["ip_allowlist"]);
}

#[tokio::test]
async fn b55_who_may_change_an_allowlist() {
    use v1::Environment::{Production, Sandbox};
    let world = World::usual().await;
    for (environment, id) in [(Sandbox, "test"), (Production, "live")] {
        let developer = v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() };
        let change = |application: &mut v1::Application| {
            application.environment = environment.into();
            application.collaborators.push(developer);
        };
        world.application_with(id, change).await.unwrap();
    }
    const EVE: &str = "collaborator:eve@example.com";
    let cases = [
        ("test", ADA, "done"),
        ("test", BOB, "done"),
        ("test", OPERATOR, "done"),
        ("test", EVE, "APPLICATION_NOT_FOUND"),
        ("live", ADA, "done"),
        ("live", BOB, "ADMINISTRATOR_REQUIRED"),
        ("live", OPERATOR, "done"),
        ("live", EVE, "APPLICATION_NOT_FOUND"),
        ("none", OPERATOR, "APPLICATION_NOT_FOUND"),
    ];
    for (number, (application, actor, expected)) in cases.into_iter().enumerate() {
        let network = format!("10.{number}.0.0/16");
        let answer = set(&world, actor, application, true, &[&network]).await;
        assert_eq!(answer.err().map_or("done".to_owned(), |status| reason(&status)), expected, "{application} {actor}");
    }
    assert_eq!(facts(&world, v1::FactKind::CommandRefused).await.len(), 4);
    assert_eq!(refused(get(&world, "none").await), "APPLICATION_NOT_FOUND");
}

#[tokio::test]
async fn b55_a_blocked_application_can_be_fenced_in_and_not_out() {
    let world = World::usual().await;
    set(&world, ADA, "app", true, &["198.51.100.0/24"]).await.unwrap();
    let block = v1::BlockApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(refused(set(&world, ADA, "app", true, &["198.51.100.0/23"]).await), "APPLICATION_BLOCKED");
    assert_eq!(refused(set(&world, ADA, "app", false, &["198.51.100.0/24"]).await), "APPLICATION_BLOCKED");
    set(&world, ADA, "app", true, &["198.51.100.0/25"]).await.unwrap();
    assert_eq!(refused(tier(&world, OPERATOR, "app", v1::RateLimitTier::Gold).await), "APPLICATION_BLOCKED");
    let delete = v1::DeleteApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).delete_application(delete).await.unwrap();
    assert_eq!(refused(set(&world, ADA, "app", true, &["198.51.100.0/26"]).await), "APPLICATION_DELETED");
    assert_eq!(refused(tier(&world, OPERATOR, "app", v1::RateLimitTier::Bronze).await), "APPLICATION_DELETED");
}

#[tokio::test]
async fn only_operators_change_how_fast_an_application_may_call() {
    use v1::RateLimitTier::{Bronze, Gold, Rhodium, Unspecified};
    let world = World::usual().await;
    set(&world, ADA, "app", true, &["198.51.100.0/24"]).await.unwrap();
    assert_eq!(refused(tier(&world, ADA, "app", Rhodium).await), "OPERATOR_REQUIRED");
    let limits = tier(&world, OPERATOR, "app", Rhodium).await.unwrap();
    assert_eq!((limits.rate_limit_tier(), networks(&limits)), (Rhodium, vec!["198.51.100.0/24"]));
    assert_eq!(tier(&world, OPERATOR, "app", Gold).await.unwrap().rate_limit_tier(), Gold);
    let status = tier(&world, OPERATOR, "app", Unspecified).await.unwrap_err();
    assert_eq!(violations(&status), ["rate_limit_tier"]);
    let facts = facts(&world, v1::FactKind::RateLimitTierChanged).await;
    let changes = facts.iter().map(|fact| (fact.changes[0].before.as_str(), fact.changes[0].after.as_str()));
    assert_eq!(changes.collect::<Vec<_>>(), [("BRONZE", "RHODIUM"), ("RHODIUM", "GOLD")]);
    assert_eq!((facts[0].reason.as_str(), facts[0].actor.as_str()), ("a contract", OPERATOR));
    world.application("other").await;
    assert_eq!(get(&world, "other").await.unwrap().rate_limit_tier(), Bronze);
}

#[tokio::test]
async fn a_gateway_lists_the_limits_of_its_environment() {
    let world = World::usual().await;
    for id in ["sand-1", "sand-2", "sand-3", "usual"] {
        world.application(id).await;
    }
    let production = |application: &mut v1::Application| application.environment = v1::Environment::Production.into();
    world.application_with("live-1", production).await.unwrap();
    for id in ["sand-1", "sand-2", "live-1"] {
        set(&world, OPERATOR, id, true, &["198.51.100.0/24"]).await.unwrap();
    }
    tier(&world, OPERATOR, "sand-3", v1::RateLimitTier::Silver).await.unwrap();
    let list = async |environment: v1::Environment, page_token: String| {
        let request = v1::ListCallLimitsRequest { environment: environment.into(), page_size: 2, page_token };
        world.call_limits("").list_call_limits(request).await.map(tonic::Response::into_inner)
    };
    let first = list(v1::Environment::Sandbox, String::new()).await.unwrap();
    let second = list(v1::Environment::Sandbox, first.next_page_token.clone()).await.unwrap();
    let ids = |page: &v1::ListCallLimitsResponse| {
        page.call_limits.iter().map(|limits| limits.application_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!((ids(&first), ids(&second)), (vec!["sand-1".into(), "sand-2".into()], vec!["sand-3".into()]));
    assert!(second.next_page_token.is_empty());
    assert_eq!(refused(list(v1::Environment::Production, first.next_page_token).await), "PAGE_TOKEN");
    let all = list(v1::Environment::Unspecified, String::new()).await.unwrap();
    assert_eq!(ids(&all), ["live-1", "sand-1"]);
}
