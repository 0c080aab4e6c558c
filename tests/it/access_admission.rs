//! Who gets through to the services, and the table that says so.

use devhub::access::{Admission, Principal, table};
use devhub_proto::v1;
use tonic::Code;

use crate::golden::compare;
use crate::world::*;

#[test]
fn the_table_of_who_may_do_what_changes_only_on_purpose() {
    compare("tests/it/golden/access.txt", &table::markdown());
}

#[test]
fn no_call_is_for_gateways_and_people_alike_but_for_operators() {
    let table: Vec<_> = table::table().collect();
    assert_eq!(table.len(), crate::contract::methods().len() + 4, "the calls of others are four lines");
    for (path, callers) in table {
        use devhub::access::Role::*;
        let of_gateways = callers.include(Gateway) && callers != table::Callers::Everybody;
        let of_people =
            [Developer, CompanyAdministrator, Publisher, Auditor, Machine].map(|role| callers.include(role));
        assert!(!(of_gateways && of_people.contains(&true)), "{path}");
    }
}

#[tokio::test]
async fn a_header_makes_nobody_an_operator() {
    let ada = Principal::Developer { email: "ada@example.com".parse().unwrap(), via: "portal".into() };
    let world = World::admitting(Admission::by(move |_| ada.clone()), |_| {}).await;
    let application =
        v1::Application { name: "Mine".into(), environment: v1::Environment::Sandbox.into(), ..Default::default() };
    let request = v1::CreateApplicationRequest { application: Some(application), ..Default::default() };
    // The metadata is not even read.
    let made = world.applications(OPERATOR).create_application(request).await.unwrap().into_inner();
    let made = made.application.unwrap();
    assert_eq!(made.collaborators.iter().map(|person| person.email.as_str()).collect::<Vec<_>>(), ["ada@example.com"]);
    let request = v1::BlockApplicationRequest { application_id: made.application_id, ..Default::default() };
    let status = world.applications(OPERATOR).block_application(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "ROLE_NOT_PERMITTED"));
    for name in ["DEVELOPER", "devhub.v1.ApplicationService/BlockApplication"] {
        assert!(status.message().contains(name), "{status:?}");
    }
}

#[tokio::test]
async fn the_trail_knows_whose_things_were_asked_for() {
    let world = World::usual().await;
    assert_eq!(refused(world.subscribe(BOB, "app", "1.0").await), "APPLICATION_NOT_FOUND");
    let filter = v1::FactFilter { kinds: vec![v1::FactKind::CommandRefused.into()], ..Default::default() };
    let fact = world.all_facts(filter).await.pop().unwrap();
    assert_eq!((fact.refusal.as_str(), fact.actor.as_str()), ("NOT_A_COLLABORATOR", BOB));
}

/// Whoever the header says, so that one test has several callers.
fn several() -> Admission {
    Admission::by(|request| {
        let email = |text: &str| text.parse().unwrap();
        match request.headers().get("devhub-actor").and_then(|value| value.to_str().ok()) {
            Some(ADA) => Principal::Developer { email: email("ada@example.com"), via: "portal".into() },
            Some(BOB) => Principal::Developer { email: email("bob@example.com"), via: "portal".into() },
            _ => Principal::Anyone,
        }
    })
}

#[tokio::test]
async fn lists_are_of_own_things_page_by_page_and_a_page_token_is_nobody_elses() {
    let world = World::admitting(several(), |_| {}).await;
    world.api().await;
    for label in ["1.0", "2.0", "3.0"] {
        world.version(label, v1::Maturity::Stable).await;
    }
    let mut expected = Vec::new();
    for (id, person) in [("app-a", "ada"), ("app-b", "bob"), ("app-c", "ada"), ("app-d", "bob"), ("app-e", "ada")] {
        let person = v1::Collaborator { email: format!("{person}@example.com"), role: v1::Role::Administrator.into() };
        let is_adas = person.email == "ada@example.com";
        world.application_with(id, |application| application.collaborators = vec![person]).await.unwrap();
        for label in ["1.0", "2.0", "3.0"] {
            world.subscribe(OPERATOR, id, label).await.unwrap();
            expected.extend(is_adas.then(|| (id.to_owned(), label.to_owned())));
        }
        // One that was ended and followed by another.
        world.unsubscribe(OPERATOR, id, "1.0", false).await.unwrap();
        world.subscribe(OPERATOR, id, "1.0").await.unwrap();
        expected.extend(is_adas.then(|| (id.to_owned(), "1.0".to_owned())));
    }
    expected.sort();
    for page_size in 1..=13 {
        let (mut found, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let request =
                v1::ListSubscriptionsRequest { page_size, page_token, show_ended: true, ..Default::default() };
            if !request.page_token.is_empty() {
                let of_another = world.subscriptions(BOB).list_subscriptions(request.clone()).await;
                assert_eq!(refused(of_another), "PAGE_TOKEN");
            }
            let page = world.subscriptions(ADA).list_subscriptions(request).await.unwrap().into_inner();
            assert!(page.subscriptions.len() <= page_size as usize);
            found.extend(page.subscriptions.into_iter().map(|s| (s.application_id, s.version)));
            page_token = page.next_page_token;
            pages += 1;
            if page_token.is_empty() {
                break;
            }
            assert!(pages < 50, "pages of {page_size} never end");
        }
        found.sort();
        assert_eq!(found, expected, "pages of {page_size}");
    }
    let request = v1::ListApplicationsRequest { page_size: 2, ..Default::default() };
    let page = world.applications(ADA).list_applications(request).await.unwrap().into_inner();
    let listed: Vec<_> = page.applications.iter().map(|application| application.application_id.as_str()).collect();
    assert_eq!(listed, ["app-a", "app-c"]);
    let everything = v1::ListSubscriptionsRequest { show_ended: true, page_size: 200, ..Default::default() };
    let page = world.subscriptions(OPERATOR).list_subscriptions(everything).await.unwrap().into_inner();
    assert_eq!(page.subscriptions.len(), 20);
}

#[tokio::test]
async fn who_is_taken_off_an_application_sees_nothing_of_it_any_more() {
    let world = World::admitting(several(), |_| {}).await;
    let both = ["ada", "bob"].map(|person| v1::Collaborator {
        email: format!("{person}@example.com"),
        role: v1::Role::Administrator.into(),
    });
    world.application_with("app", |application| application.collaborators = both.into()).await.unwrap();
    let get = v1::GetApplicationRequest { application_id: "app".into() };
    world.applications(BOB).get_application(get.clone()).await.unwrap();
    let remove = v1::RemoveCollaboratorRequest {
        application_id: "app".into(),
        email: "bob@example.com".into(),
        ..Default::default()
    };
    world.applications(ADA).remove_collaborator(remove).await.unwrap();
    assert_eq!(refused(world.applications(BOB).get_application(get).await), "APPLICATION_NOT_FOUND");
    let listed = world.applications(BOB).list_applications(v1::ListApplicationsRequest::default()).await.unwrap();
    assert!(listed.into_inner().applications.is_empty());
    // Nor is a stale etag told before that.
    let update = v1::UpdateApplicationRequest { application_id: "app".into(), etag: "1".into(), ..Default::default() };
    assert_eq!(refused(world.applications(BOB).update_application(update.clone()).await), "APPLICATION_NOT_FOUND");
    assert_eq!(refused(world.applications(ADA).update_application(update).await), "ETAG_MISMATCH");
}
