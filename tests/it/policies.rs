//! The status matrices of the published lifecycles, and the legal moves, as golden text.

use devhub::domain::moves::{Move, Planned, Verb, legal};
use devhub::domain::policy::Policies;
use devhub_decision::Stage;

use crate::golden::compare;

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
