//! An update changes what it names and nothing else: neither what it leaves out nor what only the hub says.

use devhub_proto::v1;

use crate::accounts::{CAROL, company};
use crate::world::*;

/// Both sides of an update, field by field: what it names is new, what it does not name is as before.
macro_rules! only {
    ($before:expr, $after:expr, $($field:ident: $value:expr),*) => {{
        let (before, after) = ($before, $after);
        let expected = { let mut expected = before.clone(); $(expected.$field = $value;)* expected.etag = after.etag.clone(); expected };
        assert_eq!(after, expected);
        assert_ne!(after, before, "the update did something");
    }};
}

#[tokio::test]
async fn an_update_of_an_application_changes_what_it_names_and_nothing_else() {
    let world = World::usual().await;
    let rich = |application: &mut v1::Application| {
        application.description = "Before".into();
        application.owner = "Ledgerly Ltd".into();
        let bob = v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() };
        application.collaborators.push(bob);
    };
    world.application_with("rich", rich).await.unwrap();
    let shown = async || {
        let request = v1::GetApplicationRequest { application_id: "rich".into() };
        world.applications(ADA).get_application(request).await.unwrap().into_inner().application.unwrap()
    };
    let update = async |change: fn(&mut v1::UpdateApplicationRequest)| {
        let mut request = v1::UpdateApplicationRequest { application_id: "rich".into(), ..Default::default() };
        change(&mut request);
        world.applications(ADA).update_application(request).await.unwrap();
        shown().await
    };
    let before = shown().await;
    let named = update(|request| request.name = Some("After".into())).await;
    only!(before, named.clone(), name: "After".into());
    let described = update(|request| request.description = Some(String::new())).await;
    only!(named, described, description: String::new());
}

fn endpoint() -> v1::Endpoint {
    v1::Endpoint { method: "GET".into(), path: "/x".into(), auth_type: v1::AuthType::User.into() }
}

#[tokio::test]
async fn an_update_of_an_api_or_a_version_changes_what_it_names_and_nothing_else() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.deprecate("1.0", None, Some(start() + days(400))).await.unwrap();
    let api = async || {
        let request = v1::GetApiRequest { context: CONTEXT.into() };
        world.apis(ADA).get_api(request).await.unwrap().into_inner().api.unwrap()
    };
    let update = async |change: fn(&mut v1::UpdateApiRequest)| {
        let mut request = v1::UpdateApiRequest { context: CONTEXT.into(), ..Default::default() };
        change(&mut request);
        world.apis(OPERATOR).update_api(request).await.unwrap();
        api().await
    };
    let before = api().await;
    let titled = update(|request| request.title = Some("After".into())).await;
    only!(before, titled.clone(), title: "After".into());
    let described = update(|request| request.description = Some("What it is".into())).await;
    only!(titled, described, description: "What it is".into());

    let version = async || {
        let request = v1::GetApiVersionRequest { context: CONTEXT.into(), version: "1.0".into() };
        world.apis(ADA).get_api_version(request).await.unwrap().into_inner().version.unwrap()
    };
    let update = async |change: fn(&mut v1::UpdateApiVersionRequest)| {
        let mut request =
            v1::UpdateApiVersionRequest { context: CONTEXT.into(), version: "1.0".into(), ..Default::default() };
        change(&mut request);
        world.apis(OPERATOR).update_api_version(request).await.unwrap();
        version().await
    };
    let before = version().await;
    assert!(!before.deployments.is_empty());
    let described = update(|request| request.description = Some("After".into())).await;
    only!(before, described.clone(), description: "After".into());
    let documented = update(|request| request.documentation_uri = Some("https://example.com/after".into())).await;
    only!(described, documented.clone(), documentation_uri: "https://example.com/after".into());
    // A list is replaced when that is said, and not because one is given.
    let untouched = update(|request| request.endpoints = vec![endpoint()]).await;
    assert_eq!(untouched, documented);
    let replaced = update(|request| {
        (request.endpoints, request.replace_endpoints) = (vec![endpoint()], true);
    })
    .await;
    only!(documented, replaced, endpoints: vec![endpoint()]);
}

#[tokio::test]
async fn an_update_of_a_company_changes_what_it_names_and_nothing_else() {
    let world = World::new().await;
    let made = v1::Company { region: "Iceland".into(), zone: "Atlantic/Reykjavik".into(), ..company("42", CAROL) };
    let request = v1::CreateCompanyRequest { company: Some(made), ..Default::default() };
    world.companies(OPERATOR).create_company(request).await.unwrap();
    let shown = async || {
        let request = v1::GetCompanyRequest { company_id: "42".into() };
        world.companies(CAROL).get_company(request).await.unwrap().into_inner().company.unwrap()
    };
    let update = async |change: fn(&mut v1::UpdateCompanyRequest)| {
        let mut request = v1::UpdateCompanyRequest { company_id: "42".into(), ..Default::default() };
        change(&mut request);
        world.companies(CAROL).update_company(request).await.unwrap();
        shown().await
    };
    let before = shown().await;
    let named = update(|request| request.name = Some("After".into())).await;
    only!(before, named.clone(), name: "After".into());
    let moved = update(|request| request.region = Some("Ireland".into())).await;
    only!(named, moved.clone(), region: "Ireland".into());
    let zoned = update(|request| request.zone = Some("Europe/Dublin".into())).await;
    only!(moved, zoned.clone(), zone: "Europe/Dublin".into());
    let handed = update(|request| request.administrators = vec!["carol@builders.example".into(), "d@x.example".into()]);
    only!(zoned, handed.await, administrators: vec!["carol@builders.example".into(), "d@x.example".into()]);
}
