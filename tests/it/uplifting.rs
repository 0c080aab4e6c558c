//! Rule B15 and defect X2: an uplift carries what production grants now, and names what it drops.

use devhub_proto::v1;
use tonic::Status;

use crate::moving::name;
use crate::world::*;

impl World {
    async fn uplift(
        &self,
        actor: &'static str,
        change: impl FnOnce(&mut v1::UpliftApplicationRequest),
    ) -> Result<v1::UpliftApplicationResponse, Status> {
        let mut request = v1::UpliftApplicationRequest {
            application_id: "app".into(),
            production_application_id: "app-live".into(),
            ..Default::default()
        };
        change(&mut request);
        Ok(self.applications(actor).uplift_application(request).await?.into_inner())
    }

    async fn end_in_production(&self, label: &str, retire: bool) {
        let environment = v1::Environment::Production.into();
        if retire {
            let retire = |r: &mut v1::RetireApiVersionRequest| {
                (r.environment, r.override_reason) = (environment, "gone".into());
            };
            self.retire_with(label, retire).await.unwrap();
        } else {
            self.deprecate_with(label, |r| r.environment = environment).await.unwrap();
        }
    }
}

fn labels(names: &[v1::VersionName]) -> Vec<&str> {
    names.iter().map(|name| name.version.as_str()).collect()
}

fn dropped(response: &v1::UpliftApplicationResponse) -> Vec<(&str, &str)> {
    assert!(response.dropped.iter().all(|dropped| !dropped.message.is_empty()));
    response.dropped.iter().map(|d| (d.version.as_ref().unwrap().version.as_str(), d.reason.as_str())).collect()
}

/// `app` holds 1.0 to 8.0 in the sandbox; in production each stands otherwise.
async fn holder() -> World {
    let world = World::usual().await;
    let at = |environment, maturity| deployment(environment, maturity);
    let (sandbox, production) = (v1::Environment::Sandbox, v1::Environment::Production);
    let stable = v1::Maturity::Stable;
    world.version("2.0", v1::Maturity::Beta).await;
    world.publish(version("3.0", vec![at(sandbox, stable)])).await.unwrap();
    for label in ["4.0", "5.0", "7.0"] {
        world.version(label, stable).await;
    }
    let alpha = vec![at(sandbox, stable), at(production, v1::Maturity::Alpha)];
    world.publish(version("6.0", alpha)).await.unwrap();
    let controlled = v1::ApiVersion {
        access_type: v1::AccessType::Controlled.into(),
        ..version("8.0", vec![at(sandbox, stable), at(production, stable)])
    };
    world.publish(controlled).await.unwrap();
    for number in 1..=8 {
        let actor = if number == 8 { OPERATOR } else { ADA };
        world.subscribe(actor, "app", &format!("{number}.0")).await.unwrap();
    }
    world.clock.advance(days(1));
    world.end_in_production("4.0", false).await;
    world.end_in_production("5.0", false).await;
    world.end_in_production("7.0", true).await;
    for label in ["5.0", "6.0", "7.0"] {
        world.waive("app", label, v1::WaiverKind::NewSubscription, start() + days(20)).await;
    }
    world
}

#[tokio::test]
async fn b15_x2_an_uplift_carries_what_production_grants_and_names_the_rest() {
    let mut world = holder().await;
    let made = world.uplift(ADA, |r| r.request_id = "uplift-1".into()).await.unwrap();
    assert_eq!(labels(&made.carried), ["1.0", "2.0", "5.0"]);
    let expected = [
        ("3.0", "VERSION_NOT_IN_ENVIRONMENT"),
        ("4.0", "VERSION_DEPRECATED"),
        ("6.0", "VERSION_ALPHA"),
        ("7.0", "VERSION_RETIRED"),
        ("8.0", "ACCESS_NOT_GRANTED"),
    ];
    assert_eq!(dropped(&made), expected);
    let application = made.application.clone().unwrap();
    assert_eq!(application.environment(), v1::Environment::Production);
    assert_eq!((application.uplifted_from.as_str(), application.state()), ("app", v1::ApplicationState::Testing));
    assert_eq!(application.name, "Application app");
    assert_ne!(application.client_id, client("app"));
    assert_eq!(application.collaborators.len(), 1);
    let waived = world.subscription("app-live", "5.0").await.unwrap();
    assert!(!waived.waiver_id.is_empty(), "the record says on what it stands");
    for label in ["3.0", "4.0", "6.0", "7.0", "8.0"] {
        assert_eq!(refused(world.subscription("app-live", label).await), "SUBSCRIPTION_NOT_FOUND", "{label}");
    }
    // One commit, with a fact for each thing.
    let facts = world.all_facts(v1::FactFilter { application_id: "app-live".into(), ..Default::default() }).await;
    assert!(facts.iter().all(|fact| fact.revision == made.revision), "{facts:?}");
    assert_eq!(facts.iter().filter(|fact| fact.kind() == v1::FactKind::Subscribed).count(), 3);
    let uplifted = facts.iter().find(|fact| fact.kind() == v1::FactKind::ApplicationUplifted).unwrap();
    let after = |field: &str| uplifted.changes.iter().find(|c| c.field == field).unwrap().after.clone();
    assert_eq!(after("uplifted_from"), "app");
    assert!(after("dropped").contains("individuals/losses 4.0"), "{uplifted:?}");
    // The sandbox application stays as it was, and the reply can be had again.
    assert_eq!(world.decision("app", "4.0").await, "ALLOW SUBSCRIBED");
    world.restart().await;
    assert_eq!(world.uplift(ADA, |r| r.request_id = "uplift-1".into()).await.unwrap(), made);
}

#[tokio::test]
async fn a_chosen_subset_is_carried_with_its_field_values() {
    let world = World::usual().await;
    let field = v1::FieldDefinition { name: "callback".into(), required: true, ..Default::default() };
    let both = [v1::Environment::Sandbox, v1::Environment::Production];
    let deployments = both.map(|environment| deployment(environment, v1::Maturity::Stable)).to_vec();
    world.publish(v1::ApiVersion { fields: vec![field], ..version("2.0", deployments) }).await.unwrap();
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let request = v1::SubscribeRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "2.0".into(),
        field_values: [("callback".to_owned(), "home".to_owned())].into(),
        ..Default::default()
    };
    world.subscriptions(ADA).subscribe(request).await.unwrap();
    let versions = || vec![name("2.0").unwrap(), name("9.0").unwrap()];
    let made = world.uplift(OPERATOR, |r| (r.versions, r.name) = (versions(), "Live".into())).await.unwrap();
    assert_eq!((labels(&made.carried), dropped(&made)), (vec!["2.0"], vec![("9.0", "VERSION_NOT_FOUND")]));
    assert_eq!(world.subscription("app-live", "2.0").await.unwrap().field_values["callback"], "home");
    assert_eq!(refused(world.subscription("app-live", "1.0").await), "SUBSCRIPTION_NOT_FOUND");
    let none = |r: &mut v1::UpliftApplicationRequest| {
        (r.without_subscriptions, r.name) = (true, "Empty".into());
        r.production_application_id = "app-empty".into();
    };
    let made = world.uplift(ADA, none).await.unwrap();
    assert_eq!((made.carried, made.dropped), (Vec::new(), Vec::new()));
    // What the sandbox application does not hold is not carried.
    world.version("3.0", v1::Maturity::Stable).await;
    let other = |r: &mut v1::UpliftApplicationRequest| {
        (r.versions, r.name) = (vec![name("3.0").unwrap()], "Other".into());
        r.production_application_id = "app-other".into();
    };
    assert_eq!(dropped(&world.uplift(ADA, other).await.unwrap()), [("3.0", "SUBSCRIPTION_NOT_FOUND")]);
}

#[tokio::test]
async fn administrators_and_operators_uplift_sandbox_applications() {
    let world = World::usual().await;
    let bob = v1::Collaborator { email: "bob@example.com".into(), role: v1::Role::Developer.into() };
    let add =
        v1::AddCollaboratorRequest { application_id: "app".into(), collaborator: Some(bob), ..Default::default() };
    world.applications(ADA).add_collaborator(add).await.unwrap();
    assert_eq!(refused(world.uplift(BOB, |_| {}).await), "ADMINISTRATOR_REQUIRED");
    assert_eq!(refused(world.uplift(ADA, |r| r.application_id = "nobody".into()).await), "APPLICATION_NOT_FOUND");
    world.uplift(ADA, |_| {}).await.unwrap();
    assert_eq!(refused(world.uplift(ADA, |_| {}).await), "ALREADY_EXISTS");
    let again = |r: &mut v1::UpliftApplicationRequest| {
        (r.application_id, r.production_application_id) = ("app-live".into(), "app-two".into());
    };
    assert_eq!(refused(world.uplift(ADA, again).await), "APPLICATION_NOT_IN_ENVIRONMENT");
    let named = |r: &mut v1::UpliftApplicationRequest| r.production_application_id = "app-two".into();
    assert_eq!(refused(world.uplift(ADA, named).await), "ALREADY_EXISTS", "the name is taken in production");
    let block = v1::BlockApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(refused(world.uplift(OPERATOR, named).await), "APPLICATION_BLOCKED");
    world.application_with("priv", |a| a.kind = v1::ApplicationKind::Privileged.into()).await.unwrap();
    let privileged = |r: &mut v1::UpliftApplicationRequest| {
        (r.application_id, r.production_application_id) = ("priv".into(), "priv-live".into());
    };
    assert_eq!(refused(world.uplift(ADA, privileged).await), "OPERATOR_REQUIRED");
    world.uplift(OPERATOR, privileged).await.unwrap();
    let contradiction = |r: &mut v1::UpliftApplicationRequest| {
        r.without_subscriptions = true;
        r.versions = vec![name("1.0").unwrap(); 101];
    };
    assert_eq!(violations(&world.uplift(ADA, contradiction).await.unwrap_err()), ["versions", "without_subscriptions"]);
}
