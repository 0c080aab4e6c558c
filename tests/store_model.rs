//! Any history: what a store holds is what a naive model holds, and what its commits add up to.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/store.rs"]
mod support;

use std::collections::BTreeMap;

use bytes::Bytes;
use devhub::store::memory::Memory;
use devhub::store::{Batch, Expectation, Key, Revision, Store, Verdict, Versioned, Write};
use proptest::prelude::*;
use support::{at, commit, content, fold};

/// What a random batch does: keys are few, so that it often meets others.
#[derive(Debug, Clone)]
struct Plan {
    instant: i64,
    after_all: bool,
    writes: BTreeMap<u8, Option<Vec<u8>>>,
    /// A key, and whether the expectation on it is made to hold.
    expectation: Option<(u8, bool)>,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let value = proptest::option::weighted(0.8, proptest::collection::vec(any::<u8>(), 0..40));
    let writes = proptest::collection::btree_map(0..12_u8, value, 0..5);
    let plan = (0..200_i64, proptest::bool::weighted(0.2), writes, proptest::option::of((0..12_u8, any::<bool>())));
    let plan =
        plan.prop_map(|(instant, after_all, writes, expectation)| Plan { instant, after_all, writes, expectation });
    proptest::collection::vec(plan, 1..60)
}

/// The contract, written down a second time, as naively as possible.
#[derive(Default)]
struct Model {
    records: BTreeMap<Key, Versioned>,
    revision: Revision,
    latest: Option<i64>,
}

impl Model {
    fn batch(&self, plan: &Plan) -> (Batch, Verdict) {
        let name = |number: &u8| Key::copy_from_slice(&[b'k', *number]);
        let mut holds = !plan.after_all || self.latest.is_none_or(|latest| plan.instant > latest);
        let expectations = plan.expectation.iter().map(|(number, right)| {
            let current = self.records.get(&name(number)).map(|versioned| versioned.revision);
            let expectation = match (current, right) {
                (Some(revision), true) => Expectation::At(revision),
                (Some(_), false) => Expectation::Absent,
                (None, true) => Expectation::Absent,
                (None, false) => Expectation::At(1),
            };
            holds &= right;
            (name(number), expectation)
        });
        let batch = Batch {
            instant: at(plan.instant),
            expectations: expectations.collect(),
            after_all: plan.after_all,
            guard: None,
            writes: plan
                .writes
                .iter()
                .map(|(n, v)| Write { key: name(n), value: v.clone().map(Bytes::from) })
                .collect(),
            facts: vec![Bytes::copy_from_slice(format!("{plan:?}").as_bytes())],
        };
        (batch, if holds { Verdict::Committed(self.revision + 1) } else { Verdict::Conflict })
    }

    fn take(&mut self, plan: &Plan, batch: &Batch) {
        self.revision += 1;
        self.latest = self.latest.max(Some(plan.instant));
        for Write { key, value } in batch.writes.clone() {
            match value {
                Some(value) => drop(self.records.insert(key, Versioned { revision: self.revision, value })),
                None => drop(self.records.remove(&key)),
            }
        }
    }

    fn content(&self) -> Vec<(Key, Revision, Bytes)> {
        self.records.clone().into_iter().map(|(key, v)| (key, v.revision, v.value)).collect()
    }
}

fn check_against_model(store: &dyn Store, plans: &[Plan]) -> Model {
    let mut model = Model::default();
    for plan in plans {
        let (batch, expected) = model.batch(plan);
        assert_eq!(commit(store, batch.clone()).unwrap(), expected);
        if expected != Verdict::Conflict {
            model.take(plan, &batch);
        }
    }
    assert_eq!(content(store), model.content());
    assert_eq!(fold(store), model.content());
    assert_eq!(store.head().revision, model.revision);
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_history_equals_the_model_and_its_own_fold(plans in plans()) {
        check_against_model(&Memory::open().unwrap(), &plans);
        let directory = tempfile::tempdir().unwrap();
        let store = support::open(directory.path());
        let model = check_against_model(&store, &plans);
        let head = store.head();
        drop(store);
        let store = support::open(directory.path());
        prop_assert_eq!(content(&store), model.content());
        prop_assert_eq!(store.head(), head);
        drop(store);
        std::fs::remove_dir_all(directory.path().join("state")).unwrap();
        let store = support::open(directory.path());
        prop_assert_eq!(content(&store), model.content());
    }
}
