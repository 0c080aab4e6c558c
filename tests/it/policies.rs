//! The status matrices of the published lifecycles, and the legal moves, as golden text.

use std::sync::Arc;

use devhub::clock::SystemClock;
use devhub::config::Config;
use devhub::domain::moves::{Move, Planned, Verb, legal};
use devhub::domain::policy::Policies;
use devhub::server::Server;
use devhub_decision::Stage;
use devhub_proto::v1;

use crate::golden::compare;
use crate::world::{ADA, CONTEXT, World};

#[test]
fn the_matrices_are_generated_from_the_policies() {
    for policy in Policies::built_in().iter() {
        compare(&format!("tests/it/golden/matrix-{}.txt", policy.name), &policy.matrix());
    }
}

/// HMRC's table as published: status, documentation visible, can be subscribed to, endpoints enabled.
#[test]
fn hmrcs_table_is_ours() {
    let published = [
        ("ALPHA", true, false, false),
        ("BETA", true, true, true),
        ("STABLE", true, true, true),
        ("DEPRECATED", true, false, true),
        ("RETIRED", false, false, false),
    ];
    let policies = Policies::built_in();
    let policy = policies.get(&"hmrc-mtd".parse().unwrap()).unwrap();
    let ours: Vec<(&str, bool, bool, bool)> = policy
        .stages
        .iter()
        .map(|(stage, rules)| (stage.name(), rules.documentation, rules.new_subscriptions, rules.calls))
        .collect();
    assert_eq!(ours, published);
}

/// Procore's table as published: phase, resources live in production, reference pages accessible.
#[test]
fn procores_table_is_ours() {
    let published = [("Active", true, true), ("Deprecated", true, true), ("Sunset", false, false)];
    let policies = Policies::built_in();
    let policy = policies.get(&"procore-rest".parse().unwrap()).unwrap();
    let ours: Vec<(&str, bool, bool)> =
        policy.stages.values().map(|rules| (rules.title.as_str(), rules.calls, rules.documentation)).collect();
    assert_eq!(ours, published);
}

#[test]
fn the_legal_moves_are_one_table() {
    let mut text = String::new();
    for verb in Verb::ALL {
        for stage in Stage::ALL {
            for planned in Planned::ALL {
                let answer = match legal(stage, planned, verb) {
                    Move::Legal => "yes".to_owned(),
                    Move::WithOverride(hint) => format!("with a reason: {hint}"),
                    Move::Illegal(hint) => format!("no: {hint}"),
                };
                text +=
                    &format!("{:17} | {stage:10} | planned: {:11} | {answer}\n", verb.name(), format!("{planned:?}"));
            }
        }
    }
    compare("tests/it/golden/moves.txt", &text);
}

const PREVIEW: &str = r#"
[[policy]]
name = "preview-first"
description = "ALPHA versions can be tried by anybody."
deprecation_period = { beta = { days = 7 }, stable = { days = 30 } }

[policy.stages.ALPHA]
title = "Preview"
meaning = "Open for trial."
documentation = true
new_subscriptions = true
calls = true
support = "Best effort"
notices = "None owed"

[policy.stages.DEPRECATED]
title = "Leaving"
meaning = "On its way out."
documentation = true
new_subscriptions = false
calls = true
support = "Fixes"
notices = "Before retirement"

[policy.stages.RETIRED]
title = "Gone"
meaning = "Gone."
documentation = false
new_subscriptions = false
calls = false
support = "None"
notices = "None owed"
"#;

#[tokio::test]
async fn a_policy_from_a_file_rules_its_apis_and_cannot_be_taken_away() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), PREVIEW).unwrap();
    let mut world = World::with(|config| config.policies = Some(file.path().to_owned())).await;
    world.api_with(CONTEXT, "preview-first").await;
    world.version("1.0", v1::Maturity::Alpha).await;
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    world.restart().await;
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    // Without the file nobody could say what its stages permit: the hub does not start, and says why.
    world.server.take().unwrap().stop().await.unwrap();
    world.config.policies = None;
    let error = match Server::start(&world.config, Arc::new(world.clock.clone())).await {
        Ok(_) => panic!("a hub without the policy of its APIs"),
        Err(error) => format!("{error:#}"),
    };
    assert!(error.contains("no lifecycle policy preview-first"), "{error}");
}

#[tokio::test]
async fn a_policies_file_that_breaks_a_promise_stops_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (before, leaving) = PREVIEW.split_once("[policy.stages.DEPRECATED]").unwrap();
    let leaving = leaving.replacen("new_subscriptions = false", "new_subscriptions = true", 1);
    let open = format!("{before}[policy.stages.DEPRECATED]{leaving}");
    std::fs::write(file.path(), open).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = Config { policies: Some(file.path().to_owned()), ..Config::for_testing(directory.path()) };
    let error = match Server::start(&config, Arc::new(SystemClock)).await {
        Ok(_) => panic!("DEPRECATED takes new subscriptions"),
        Err(error) => format!("{error:#}"),
    };
    assert!(error.contains("DEPRECATED must not take new subscriptions"), "{error}");
}
