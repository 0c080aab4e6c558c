//! Which contexts are APIs: those of versions, in the environment of each, and nothing else.

use devhub_decision::{Change, Environment, Table};
use proptest::prelude::*;

use crate::given::{CONTEXT, version};
use crate::model::any_change;

#[test]
fn a_version_makes_an_api_of_its_context_in_its_environment() {
    let table = Table::new();
    assert!(!table.has_api(CONTEXT, Environment::Production));
    table.apply(1, vec![Change::Version(version())]);
    assert!(table.has_api(CONTEXT, Environment::Production));
    for (context, environment) in
        [(CONTEXT, Environment::Sandbox), ("hello", Environment::Production), ("", Environment::Production)]
    {
        assert!(!table.has_api(context, environment), "{context:?} {environment}");
    }
}

proptest! {
    #[test]
    fn nothing_but_a_version_makes_one_and_a_replica_knows_the_same(
        changes in prop::collection::vec(any_change(), 0..40),
    ) {
        let table = Table::new();
        table.apply(1, changes.clone());
        for environment in Environment::ALL {
            let replica = Table::new();
            replica.load_all((0..Table::PARTS).flat_map(|part| table.part(part, environment)).collect());
            let named = changes.iter().filter_map(|change| match change {
                Change::Version(entry) => Some((&*entry.name.context, Some(entry.environment))),
                Change::Subscription(entry) => Some((&*entry.version.context, None)),
                Change::Namespace(entry) => Some((&*entry.namespace, None)),
                Change::Application(_)
                | Change::Waiver(_)
                | Change::Exemption(_)
                | Change::CredentialClass(_)
                | Change::ServiceAccount(_)
                | Change::Installation(_) => None,
            });
            for (context, _) in named.clone() {
                let deployed = named.clone().any(|version| version == (context, Some(environment)));
                prop_assert_eq!(table.has_api(context, environment), deployed, "{}", context);
                prop_assert_eq!(replica.has_api(context, environment), deployed, "{}", context);
            }
        }
    }
}
