//! Digests: kept change by change they are what the rows add up to, and a table made of the rows of another is the same.

use devhub_decision::{Change, ContextDigests, Digests, Environment, NO_CONTEXT, Table};
use proptest::prelude::*;

use crate::model::any_change;

/// All rows that the gateways of an environment need.
fn rows(table: &Table, environment: Environment) -> Vec<Change> {
    (0..Table::PARTS).flat_map(|part| table.part(part, environment)).collect()
}

/// Whose a row is, if it is somebody's.
fn client_id(row: &Change) -> Option<&str> {
    match row {
        Change::Application(entry) => Some(&entry.client_id),
        Change::Subscription(entry) => Some(&entry.client_id),
        Change::Waiver(entry) => Some(&entry.client_id),
        Change::Exemption(entry) => Some(&entry.client_id),
        Change::ServiceAccount(entry) => Some(&entry.client_id),
        Change::Installation(entry) => Some(&entry.client_id),
        Change::Version(_) | Change::Namespace(_) | Change::CredentialClass(_) => None,
    }
}

proptest! {
    // Each case looks at every part many times.
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_digest_is_the_sum_of_the_rows_and_rows_make_the_same_table(
        commits in prop::collection::vec(prop::collection::vec(any_change(), 0..6), 0..30),
    ) {
        let (table, replicas) = (Table::new(), Environment::ALL.map(|_| Table::new()));
        for (revision, changes) in (1..).zip(commits) {
            table.apply(revision, changes.clone());
            for environment in Environment::ALL {
                let replica = &replicas[environment as usize];
                let told = changes.iter().filter(|change| change.concerns(environment)).cloned().collect();
                replica.apply(revision, told);
                let rows = rows(&table, environment);
                let (at, digests) = table.stand();
                prop_assert_eq!(at, revision);
                prop_assert_eq!(digests.of(environment), Digests::of_rows(&rows).of(environment));
                prop_assert_eq!(digests.of(environment), replica.stand().1.of(environment), "followed by changes");
                for client in rows.iter().filter_map(client_id).chain(["stranger"]) {
                    let its: Vec<_> = rows.iter().filter(|row| client_id(row) == Some(client)).cloned().collect();
                    prop_assert_eq!(table.client(client, environment), its, "one by one");
                }
                let copy = Table::new();
                copy.load_all(rows);
                prop_assert_eq!(copy.dump(), replica.dump(), "copied row by row");
                prop_assert_eq!(copy.stand().1.of(environment), digests.of(environment));
            }
        }
    }

    #[test]
    fn rows_that_are_copied_while_commits_go_on_lead_to_the_same_table(
        before in prop::collection::vec(any_change(), 0..60),
        meanwhile in prop::collection::vec(any_change(), 1..40),
    ) {
        let (table, copy) = (Table::new(), Table::new());
        table.apply(1, before);
        let environment = Environment::Production;
        // Some parts are older than a commit, some younger, and then all commits are told again.
        for part in 0..Table::PARTS {
            let step = meanwhile.len() * part / Table::PARTS;
            let next = meanwhile.len() * (part + 1) / Table::PARTS;
            copy.load_all(table.part(part, environment));
            table.apply(2, meanwhile[step..next].to_vec());
        }
        copy.load_all(meanwhile.into_iter().filter(|change| change.concerns(environment)).collect());
        prop_assert_eq!(copy.stand().1.of(environment), table.stand().1.of(environment));
    }

    #[test]
    fn the_digests_of_contexts_are_those_of_their_rows_and_what_commits_add_to_them(
        loaded in prop::collection::vec(any_change(), 0..30),
        commits in prop::collection::vec(prop::collection::vec(any_change(), 0..6), 0..20),
    ) {
        let table = Table::new();
        table.load_all(loaded);
        let mut followed: ContextDigests = table.context_digests();
        for (revision, changes) in (1..).zip(commits) {
            for (context, added) in table.apply_and_tell(revision, changes) {
                let sum = followed.entry(context).or_default();
                *sum = sum.plus(added);
            }
            let held = table.context_digests();
            prop_assert_eq!(&followed, &held);
            for environment in Environment::ALL {
                let rows = rows(&table, environment);
                for (context, digests) in &held {
                    let of = rows.iter().filter(|row| row.context().unwrap_or(NO_CONTEXT) == &**context);
                    prop_assert_eq!(digests.of(environment), Digests::of_rows(of).of(environment), "{}", context);
                }
                let all = held.values().fold(Digests::default(), |sum, digests| sum.plus(*digests));
                prop_assert_eq!(all.of(environment), table.stand().1.of(environment));
            }
        }
    }

    #[test]
    fn different_tables_have_different_digests(
        first in prop::collection::vec(any_change(), 0..12),
        second in prop::collection::vec(any_change(), 0..12),
    ) {
        let [first, second] = [first, second].map(|changes| {
            let table = Table::new();
            table.load_all(changes);
            let rows = Environment::ALL.map(|environment| {
                let copy = Table::new();
                copy.load_all(rows(&table, environment));
                copy.dump()
            });
            (rows, table.stand().1)
        });
        for environment in Environment::ALL {
            let at = environment as usize;
            prop_assert_eq!(first.0[at] == second.0[at], first.1.of(environment) == second.1.of(environment));
        }
    }
}
