//! Rule B92: every accepted command leaves a fact with actor, instant, old and new; every refused one its reason.

use devhub::hub::{REFUSALS_RECORDED_MAX, REFUSALS_WINDOW};
use devhub::wire::timestamp;
use devhub_proto::v1;

use crate::principals::{Guarded, Shown};
use crate::world::*;

#[tokio::test]
async fn b92_refused_commands_are_recorded_with_their_reason() {
    let world = World::usual().await;
    world.deprecate("1.0", None, None).await.unwrap();
    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        request_id: "try-1".into(),
        ..Default::default()
    };
    world.subscriptions(ADA).subscribe(request).await.unwrap_err();
    let kinds = vec![v1::FactKind::CommandRefused.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert_eq!(facts.len(), 1);
    let fact = &facts[0];
    assert_eq!((fact.refused_command.as_str(), fact.refusal.as_str()), ("Subscribe", "VERSION_DEPRECATED"));
    assert_eq!((fact.actor.as_str(), fact.application_id.as_str(), fact.request_id.as_str()), (ADA, "app", "try-1"));
    assert!(fact.reason.contains("deprecated since"), "{}", fact.reason);
}

#[tokio::test]
async fn b92_an_accepted_command_says_who_when_and_what_changed() {
    let world = World::usual().await;
    world.clock.set(start() + days(3));
    let request = v1::UpdateApplicationRequest {
        application_id: "app".into(),
        name: Some("Renamed".into()),
        ..Default::default()
    };
    world.applications(ADA).update_application(request).await.unwrap();
    let kinds = vec![v1::FactKind::ApplicationUpdated.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].time, Some(timestamp(start() + days(3))));
    let change = v1::FieldChange { field: "name".into(), before: "Application app".into(), after: "Renamed".into() };
    assert_eq!(facts[0].changes, [change]);
}

#[tokio::test]
async fn facts_are_filtered_and_paged() {
    let world = World::usual().await;
    for id in ["a-1", "a-2", "a-3"] {
        world.application(id).await;
        world.clock.advance(days(1));
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    let of = v1::FactFilter { application_id: "a-2".into(), ..Default::default() };
    assert_eq!(world.all_facts(of.clone()).await.len(), 2);
    let by = v1::FactFilter { actor: ADA.into(), context: CONTEXT.into(), ..Default::default() };
    assert_eq!(world.all_facts(by).await.len(), 3);
    let between = v1::FactFilter {
        start_time: Some(timestamp(start() + days(1))),
        end_time: Some(timestamp(start() + days(2))),
        ..Default::default()
    };
    let found = world.all_facts(between).await;
    assert!(found.iter().all(|fact| fact.time.as_ref().unwrap().seconds < (start() + days(2)).timestamp()));
    assert_eq!(found.len(), 2, "half-open: what happened at the end is not in it");

    let request = v1::ListFactsRequest { filter: Some(of), page_size: 1, page_token: String::new() };
    let page = world.facts().list_facts(request).await.unwrap().into_inner();
    assert_eq!(page.facts.len(), 1);
    let foreign = v1::ListFactsRequest { filter: None, page_size: 1, page_token: page.next_page_token };
    assert_eq!(refused(world.facts().list_facts(foreign).await), "PAGE_TOKEN");
}

#[tokio::test]
async fn following_resumes_without_gap_or_repetition() {
    let world = World::usual().await;
    let follow = async |after_revision: u64| {
        let request = v1::FollowFactsRequest { filter: None, after_revision, epoch: String::new() };
        world.facts().follow_facts(request).await.unwrap().into_inner()
    };
    let mut stream = follow(0).await;
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.revision, world.hub().store().head().revision);
    let made: u64 = world.subscribe(ADA, "app", "1.0").await.unwrap().etag.parse().unwrap();
    let second = stream.message().await.unwrap().unwrap();
    assert_eq!((second.revision, second.facts.len()), (made, 1));
    assert_eq!(second.facts[0].kind(), v1::FactKind::Subscribed);
    drop(stream);
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    let mut resumed = follow(second.revision).await;
    let third = resumed.message().await.unwrap().unwrap();
    assert_eq!(third.facts.iter().map(v1::Fact::kind).collect::<Vec<_>>(), [v1::FactKind::Unsubscribed]);
    assert_eq!(third.epoch, first.epoch);
}

#[tokio::test]
async fn a_stopping_hub_tells_followers_to_resume_elsewhere() {
    let mut world = World::usual().await;
    let after_revision = world.hub().store().head().revision;
    let request = v1::FollowFactsRequest { filter: None, after_revision, epoch: String::new() };
    let mut stream = world.facts().follow_facts(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!((first.facts.len(), first.revision), (0, after_revision), "the first message comes at once");
    world.restart().await;
    let status = stream.message().await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
}

#[tokio::test]
async fn a_follower_is_told_when_it_cannot_resume() {
    let world = World::usual().await;
    let head = world.hub().store().head().revision;
    let follow = async |after_revision: u64, epoch: &str| {
        let request = v1::FollowFactsRequest { filter: None, after_revision, epoch: epoch.into() };
        world.facts().follow_facts(request).await.map(tonic::Response::into_inner)
    };
    assert_eq!(reason(&follow(head + 1, "").await.err().unwrap()), "REVISION_NOT_REACHED");
    assert_eq!(reason(&follow(0, "another history").await.err().unwrap()), "EPOCH_CHANGED");
    let epoch = follow(head, "").await.unwrap().message().await.unwrap().unwrap().epoch;
    follow(head, &epoch).await.unwrap();
}

#[tokio::test]
async fn large_facts_and_versions_still_fit_into_replies() {
    let world = World::usual().await;
    let endpoints = |round: usize| -> Vec<v1::Endpoint> {
        let path = |number: usize| format!("/{}/{round}-{number}", "x".repeat(480));
        (0..500)
            .map(|number| v1::Endpoint {
                method: "GET".into(),
                path: path(number),
                auth_type: v1::AuthType::User.into(),
            })
            .collect()
    };
    for round in 0..10 {
        let label = format!("{round}.5");
        let sandbox = deployment(v1::Environment::Sandbox, v1::Maturity::Stable);
        let large = v1::ApiVersion { endpoints: endpoints(round), ..version(&label, vec![sandbox]) };
        world.publish(large).await.unwrap();
        let update = v1::UpdateApiVersionRequest {
            context: CONTEXT.into(),
            version: label,
            endpoints: endpoints(round + 100),
            replace_endpoints: true,
            ..Default::default()
        };
        world.apis(OPERATOR).update_api_version(update).await.unwrap();
    }
    let head = world.hub().store().head().revision;
    let facts = world.all_facts(v1::FactFilter::default()).await;
    assert_eq!(facts.iter().filter(|fact| fact.kind() == v1::FactKind::VersionUpdated).count(), 10);
    let request = v1::FollowFactsRequest::default();
    let mut stream = world.facts().follow_facts(request).await.unwrap().into_inner();
    let mut followed = Vec::new();
    loop {
        let message = stream.message().await.unwrap().unwrap();
        followed.extend(message.facts);
        if message.revision == head {
            break;
        }
    }
    assert_eq!(followed, facts, "nothing is left out, nothing comes twice");
    let (mut labels, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListApiVersionsRequest { page_size: 200, page_token, ..Default::default() };
        let page = world.apis("").list_api_versions(request).await.unwrap().into_inner();
        labels.extend(page.versions.into_iter().map(|version| version.version));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected = ["9.5", "8.5", "7.5", "6.5", "5.5", "4.5", "3.5", "2.5", "1.5", "1.0", "0.5"];
    assert_eq!(labels, expected, "newest first, each once");
}

#[tokio::test]
async fn b92_whoever_may_not_import_leaves_a_fact_too() {
    let world = World::usual().await;
    let row = v1::ImportRow {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        start_time: None,
    };
    let request = v1::ImportSubscriptionsRequest { rows: vec![row], validate_only: false };
    assert_eq!(refused(world.subscriptions(ADA).import_subscriptions(request).await), "OPERATOR_REQUIRED");
    let kinds = vec![v1::FactKind::CommandRefused.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert_eq!(
        (facts[0].refused_command.as_str(), facts[0].refusal.as_str()),
        ("ImportSubscriptions", "OPERATOR_REQUIRED")
    );
}

/// Adds somebody who is a collaborator already, which is refused.
async fn add_again(world: &World, actor: &'static str) {
    let collaborator = v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Developer.into() };
    let request = v1::AddCollaboratorRequest {
        application_id: "app".into(),
        collaborator: Some(collaborator),
        ..Default::default()
    };
    world.applications(actor).add_collaborator(request).await.unwrap_err();
}

#[tokio::test]
async fn b92_of_many_refusals_of_one_actor_the_trail_has_the_first_and_their_number() {
    let mut world = World::usual().await;
    let refused = async |world: &World, actor: &str| {
        let kinds = vec![v1::FactKind::CommandRefused.into()];
        let filter = v1::FactFilter { kinds, actor: actor.into(), ..Default::default() };
        world.all_facts(filter).await.len()
    };
    let left_out = async |world: &World, actor: &str| -> Vec<String> {
        let kinds = vec![v1::FactKind::RefusalsLeftOut.into()];
        let facts = world.all_facts(v1::FactFilter { kinds, actor: actor.into(), ..Default::default() }).await;
        facts.into_iter().map(|fact| fact.changes[0].after.clone()).collect()
    };
    let most = REFUSALS_RECORDED_MAX as usize;
    for _ in 0..most + 2 {
        add_again(&world, ADA).await;
    }
    assert_eq!(refused(&world, ADA).await, most);
    add_again(&world, OPERATOR).await;
    assert_eq!(refused(&world, OPERATOR).await, 1, "others are counted apart");
    let kinds = vec![v1::FactKind::CommandRefused.into()];
    let all = world.all_facts(v1::FactFilter { kinds, actor: ADA.into(), ..Default::default() }).await;
    let began = devhub::wire::instant(&all[0].time.unwrap()).unwrap();
    world.clock.set(began + REFUSALS_WINDOW - ms(1));
    add_again(&world, ADA).await;
    assert_eq!((refused(&world, ADA).await, left_out(&world, ADA).await.len()), (most, 0));
    world.clock.set(began + REFUSALS_WINDOW);
    add_again(&world, ADA).await;
    assert_eq!((refused(&world, ADA).await, left_out(&world, ADA).await), (most + 1, vec!["3".to_owned()]));
    world.clock.set(began + REFUSALS_WINDOW + ms(1));
    add_again(&world, ADA).await;
    assert_eq!((refused(&world, ADA).await, left_out(&world, ADA).await.len()), (most + 2, 1), "told once");
    // What is left at the end is told at the end.
    for _ in 0..most {
        add_again(&world, ADA).await;
    }
    world.restart().await;
    assert_eq!(left_out(&world, ADA).await, ["3", "2"]);
}

#[tokio::test]
async fn the_trail_says_through_which_portal_somebody_came() {
    let hub = Guarded::new().await;
    let create = async |shown: Shown, channel, people: &[&str]| {
        let role = v1::Role::Administrator.into();
        let person = |email: &&str| v1::Collaborator { email: (*email).into(), role };
        let application = v1::Application {
            name: "Mine".into(),
            environment: v1::Environment::Sandbox.into(),
            collaborators: people.iter().map(person).collect(),
            ..Default::default()
        };
        let request = v1::CreateApplicationRequest { application: Some(application), ..Default::default() };
        let mut client = v1::application_service_client::ApplicationServiceClient::new(hub.way(channel, shown));
        client.create_application(request).await.unwrap().into_inner().application.unwrap().application_id
    };
    let made = create(Shown::user(hub.developer()), hub.certified("devhub://portal/main"), &[]).await;
    create(Shown::user(hub.developer()), hub.certified("devhub://portal/other"), &[]).await;
    create(Shown::bearer(hub.operator()), hub.channel(None), &["bob@example.com"]).await;
    // A refused one too.
    let request = v1::AddCollaboratorRequest {
        application_id: made.clone(),
        collaborator: Some(v1::Collaborator { email: "ada@example.com".into(), role: v1::Role::Developer.into() }),
        ..Default::default()
    };
    let way = hub.way(hub.certified("devhub://portal/main"), Shown::user(hub.developer()));
    let mut client = v1::application_service_client::ApplicationServiceClient::new(way);
    client.add_collaborator(request).await.unwrap_err();
    let list = async |via: &str| -> Vec<(String, String, String)> {
        let filter = v1::FactFilter { via: via.into(), ..Default::default() };
        let request = v1::ListFactsRequest { filter: Some(filter), ..Default::default() };
        let way = hub.way(hub.channel(None), Shown::bearer(hub.operator()));
        let listed = v1::fact_service_client::FactServiceClient::new(way).list_facts(request).await.unwrap();
        let show = |fact: v1::Fact| (fact.actor, fact.via, fact.application_id);
        listed.into_inner().facts.into_iter().map(show).collect()
    };
    let ada = |via: &str, id: &str| ("collaborator:ada@example.com".to_owned(), via.to_owned(), id.to_owned());
    assert_eq!(list("main").await, [ada("main", &made), ada("main", &made)]);
    assert_eq!(list("other").await.len(), 1);
    assert!(list("portal").await.is_empty());
    let all = list("").await;
    assert_eq!(all.iter().filter(|(actor, via, _)| actor == "operator:olga" && via.is_empty()).count(), 1, "{all:?}");
}
