//! The records of a shard as their one writer sees them: where there is room, and when there is not.

use std::sync::Arc;

use crate::arena::{Arena, Draft, Found, Known};
use crate::catalogue::VersionNumber;
use crate::entry::ApplicationEntry;

/// Room that a new arena has, in records and words.
const FIRST_SLOTS: usize = 16;
const FIRST_WORDS: usize = 64;

/// Room that was given back is kept for others if it has fewer words than this.
const SIZES: usize = 256;

/// The records of one shard.
pub(crate) struct Records {
    arena: Arc<Arena>,
    /// Words before this one were taken at some time.
    used: usize,
    /// Offsets of room that was given back, by its words.
    free: Vec<Vec<u32>>,
    /// Words that records take.
    live: usize,
    records: usize,
    applications: usize,
    subscriptions: usize,
    draft: Draft,
    words: Vec<u64>,
}

impl Records {
    /// No record.
    pub(crate) fn new() -> Self {
        Self {
            arena: Arc::new(Arena::new(FIRST_SLOTS, FIRST_WORDS)),
            used: 1,
            free: Vec::new(),
            live: 0,
            records: 0,
            applications: 0,
            subscriptions: 0,
            draft: Draft::default(),
            words: Vec::new(),
        }
    }

    /// What readers read. It is another one after a change that needed more room.
    pub(crate) fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// How many applications the table was told of.
    pub(crate) fn applications(&self) -> usize {
        self.applications
    }

    /// How many subscriptions are live.
    pub(crate) fn subscriptions(&self) -> usize {
        self.subscriptions
    }

    /// Sets an application and leaves its subscriptions alone.
    pub(crate) fn set_application(&mut self, hash: u64, entry: &ApplicationEntry) {
        let ApplicationEntry { client_id, application_id, environment, standing } = entry;
        let known = Some(Known { environment: *environment, standing: *standing });
        self.change(hash, client_id, |draft| {
            draft.name(client_id, application_id);
            draft.flags.known = known;
            true
        });
    }

    /// Adds a subscription.
    pub(crate) fn add_subscription(&mut self, hash: u64, client_id: &str, number: VersionNumber) {
        self.change(hash, client_id, |draft| match draft.numbers.binary_search(&number) {
            Ok(_) => false,
            Err(position) => {
                draft.numbers.insert(position, number);
                true
            }
        });
    }

    /// Removes a subscription.
    pub(crate) fn remove_subscription(&mut self, hash: u64, client_id: &str, number: VersionNumber) {
        self.change(hash, client_id, |draft| match draft.numbers.binary_search(&number) {
            Ok(position) => {
                draft.numbers.remove(position);
                true
            }
            Err(_) => false,
        });
    }

    /// Whether terms stand beside the records for a client id.
    pub(crate) fn has_terms(&self, hash: u64, client_id: &str) -> bool {
        self.arena.find(hash, client_id).is_some_and(|found| found.flags.terms)
    }

    /// Says whether terms stand beside the records for a client id.
    pub(crate) fn set_terms(&mut self, hash: u64, client_id: &str, terms: bool) {
        self.change(hash, client_id, |draft| std::mem::replace(&mut draft.flags.terms, terms) != terms);
    }

    /// Changes a record, which is made if there is none, and removed if nothing is known any more.
    fn change(&mut self, hash: u64, client_id: &str, change: impl FnOnce(&mut Draft) -> bool) {
        let found = self.arena.seek(hash, client_id);
        let mut draft = std::mem::take(&mut self.draft);
        match found {
            Some((_, found)) => self.arena.read(found, &mut draft),
            None => draft.begin(client_id),
        }
        let (was_known, before) = (draft.flags.known.is_some(), draft.numbers.len());
        if change(&mut draft) {
            self.applications = self.applications + usize::from(draft.flags.known.is_some()) - usize::from(was_known);
            self.subscriptions = self.subscriptions + draft.numbers.len() - before;
            self.put(hash, found, &draft);
        }
        self.draft = draft;
    }

    /// Puts a record where it fits: where it stood, into room that was given back, or behind all others.
    fn put(&mut self, hash: u64, found: Option<(usize, Found)>, draft: &Draft) {
        let mut words = std::mem::take(&mut self.words);
        draft.encode(&mut words);
        let nothing = draft.flags == Default::default() && draft.numbers.is_empty();
        match found {
            // Nothing is known under this client id any more: its record would only take room.
            Some((slot, found)) if nothing => {
                self.arena.vacate(slot);
                self.records -= 1;
                self.give_back(found);
            }
            Some((_, found)) if found.words() == words.len() => self.arena.write(Arena::offset(found), &words),
            Some((slot, found)) => {
                self.give_back(found);
                match self.take(words.len()) {
                    Some(offset) => {
                        self.arena.write(offset, &words);
                        self.arena.lead(slot, hash, offset);
                    }
                    None => {
                        self.arena.vacate(slot);
                        self.records -= 1;
                        self.put_anew(hash, &words);
                    }
                }
            }
            None if nothing => {}
            None => {
                // Two thirds of the slots lead somewhere at most, so that a free one is near.
                let place = if self.records * 3 < self.arena.slots() * 2 { self.take(words.len()) } else { None };
                match place {
                    Some(offset) => self.lead(hash, offset, &words),
                    None => self.put_anew(hash, &words),
                }
            }
        }
        self.words = words;
    }

    fn lead(&mut self, hash: u64, offset: u32, words: &[u64]) {
        self.arena.write(offset, words);
        self.arena.lead(self.arena.vacant(hash), hash, offset);
        self.records += 1;
    }

    /// Puts a record into a new arena with more room.
    fn put_anew(&mut self, hash: u64, words: &[u64]) {
        self.grow(words.len());
        let offset = self.take(words.len()).expect("there is room now");
        self.lead(hash, offset, words);
    }

    /// Room for so many words, if there is some.
    fn take(&mut self, words: usize) -> Option<u32> {
        let given_back = self.free.get_mut(words).and_then(Vec::pop);
        let offset = given_back.or_else(|| {
            let end = self.used + words;
            let offset = (end <= self.arena.capacity()).then_some(self.used)?;
            self.used = end;
            u32::try_from(offset).ok()
        })?;
        self.live += words;
        Some(offset)
    }

    fn give_back(&mut self, found: Found) {
        let words = found.words();
        self.live -= words;
        // What is larger waits for the next new arena.
        if words < SIZES {
            if self.free.len() <= words {
                self.free.resize_with(words + 1, Vec::new);
            }
            self.free[words].push(Arena::offset(found));
        }
    }

    /// Copies all records into a new arena, close together, with room for `more` words and a fifth besides.
    fn grow(&mut self, more: usize) {
        let capacity = (1 + self.live + more) * 6 / 5 + FIRST_WORDS;
        let slots = (self.records + 1) * 3 / 2 + 1;
        let slots = slots.max(self.arena.slots());
        let arena = Arena::new(slots, capacity);
        let (mut used, mut words) = (1, Vec::new());
        for (tag, found) in self.arena.records() {
            self.arena.copy(found, &mut words);
            let offset = u32::try_from(used).expect("a shard has fewer than 2^32 words");
            let hash = u64::from(tag);
            arena.write(offset, &words);
            arena.lead(arena.vacant(hash), hash, offset);
            used += words.len();
        }
        self.used = used;
        self.free.clear();
        self.arena = Arc::new(arena);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::arena::Text;
    use crate::entry::Standing;
    use crate::stage::Environment;

    #[derive(Debug, Clone)]
    enum Act {
        Application(usize, usize),
        Add(usize, VersionNumber),
        Remove(usize, VersionNumber),
        Terms(usize, bool),
    }

    #[derive(Debug, Default, PartialEq)]
    struct Model {
        application_id: Option<String>,
        numbers: BTreeSet<VersionNumber>,
        terms: bool,
    }

    /// Ids that fill words or not, begin alike, and are longer than what fits on the stack.
    fn client_id(client: usize) -> String {
        "client-".repeat(client) + ["", "a", "bc"][client % 3]
    }

    fn application_id(length: usize) -> String {
        "é".repeat(length)
    }

    /// Some hashes are the same, and others lead to the same slot.
    fn hash(client: usize) -> u64 {
        [7, 7, 23, 7 + (1 << 32), 15][client % 5]
    }

    fn any_act() -> impl Strategy<Value = Act> {
        let client = || 0..24_usize;
        prop_oneof![
            2 => (client(), 0..70_usize).prop_map(|(client, length)| Act::Application(client, length)),
            6 => (client(), 0..80_u32).prop_map(|(client, number)| Act::Add(client, number)),
            4 => (client(), 0..80_u32).prop_map(|(client, number)| Act::Remove(client, number)),
            1 => (client(), any::<bool>()).prop_map(|(client, terms)| Act::Terms(client, terms)),
        ]
    }

    fn assert_same(records: &Records, model: &BTreeMap<usize, Model>) {
        let arena = records.arena();
        for client in 0..24 {
            let (id, nothing) = (client_id(client), Model::default());
            let known = model.get(&client).unwrap_or(&nothing);
            let Some(found) = arena.find(hash(client), &id) else {
                assert_eq!(known, &nothing, "{id:?} has no record");
                continue;
            };
            let mut text = Text::default();
            let facts = arena.facts(found, &mut text);
            assert_eq!(facts.map(|facts| facts.application_id), known.application_id.as_deref(), "{id:?}");
            assert!(arena.numbers(found).eq(known.numbers.iter().copied()), "{id:?}");
            assert_eq!(found.flags.terms, known.terms, "{id:?}");
            let holds = |number: &VersionNumber| arena.subscribes(found, *number);
            let held: BTreeSet<VersionNumber> = (0..90).filter(holds).collect();
            assert_eq!(held, known.numbers, "{id:?}");
            assert_ne!(known, &nothing, "the record of {id:?} only takes room");
        }
        let applications = model.values().filter(|known| known.application_id.is_some()).count();
        let subscriptions: usize = model.values().map(|known| known.numbers.len()).sum();
        assert_eq!((records.applications(), records.subscriptions()), (applications, subscriptions));
        assert_eq!(arena.records().count(), records.records);
    }

    proptest! {
        #[test]
        fn the_records_are_what_plain_maps_are(acts in prop::collection::vec(any_act(), 0..400)) {
            let (mut records, mut model) = (Records::new(), BTreeMap::<usize, Model>::new());
            for act in acts {
                match act {
                    Act::Application(client, length) => {
                        let application_id = application_id(length);
                        records.set_application(hash(client), &ApplicationEntry {
                            client_id: client_id(client).into(),
                            application_id: application_id.as_str().into(),
                            environment: Environment::Production,
                            standing: Standing::Blocked,
                        });
                        model.entry(client).or_default().application_id = Some(application_id);
                    }
                    Act::Add(client, number) => {
                        records.add_subscription(hash(client), &client_id(client), number);
                        model.entry(client).or_default().numbers.insert(number);
                    }
                    Act::Remove(client, number) => {
                        records.remove_subscription(hash(client), &client_id(client), number);
                        model.entry(client).or_default().numbers.remove(&number);
                    }
                    Act::Terms(client, terms) => {
                        records.set_terms(hash(client), &client_id(client), terms);
                        model.entry(client).or_default().terms = terms;
                    }
                }
            }
            assert_same(&records, &model);
        }
    }

    #[test]
    fn every_flag_comes_back_as_it_went() {
        let mut records = Records::new();
        for environment in Environment::ALL {
            for standing in Standing::ALL {
                let (client_id, application_id) = ("client".into(), "application".into());
                let entry = ApplicationEntry { client_id, application_id, environment, standing };
                records.set_application(1, &entry);
                for terms in [true, false] {
                    records.set_terms(1, "client", terms);
                    let found = records.arena().find(1, "client").expect("a record");
                    assert!(found.flags.known == Some(Known { environment, standing }) && found.flags.terms == terms);
                }
            }
        }
    }

    #[test]
    fn room_that_is_given_back_is_taken_again() {
        let mut records = Records::new();
        let ids: Vec<String> = (0..2_000).map(|client| format!("client-{client}")).collect();
        let fill = |records: &mut Records, number| {
            for (hash, id) in (0..).step_by(3).zip(&ids) {
                records.add_subscription(hash, id, number);
            }
        };
        fill(&mut records, 1);
        let capacity = records.arena().capacity();
        for round in 0..50 {
            fill(&mut records, 2 + round);
            for (hash, id) in (0..).step_by(3).zip(&ids) {
                records.remove_subscription(hash, id, 2 + round);
            }
        }
        assert!(records.arena().capacity() <= 2 * capacity, "{} after {capacity}", records.arena().capacity());
        for (hash, id) in (0..).step_by(3).zip(&ids) {
            records.remove_subscription(hash, id, 1);
        }
        assert_eq!((records.arena().records().count(), records.live), (0, 0));
    }
}
