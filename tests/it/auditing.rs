//! The audit trail as a file: sound or refused, whatever is done to it; without the persons that were erased; and enough
//! to say why a call was allowed (rule B93).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devhub::audit::{AuditKey, Head, Reader, SignedHead, TrailError, Writer, erase, export, shown, verify};
use devhub::cli::audit::ask;
use devhub::clock::{Clock, ManualClock};
use devhub::domain::actor::Actor;
use devhub::gateway::render_trail;
use devhub::hub::{Hub, Request};
use devhub::store::Store;
use devhub::store::embedded::{Embedded, Options};
use devhub::wire::timestamp;
use devhub_decision::{Environment, Limits, Question, explain};
use devhub_proto::v1;
use proptest::prelude::*;
use prost::Message;

use crate::folding::{APPLICATIONS, Act, VERSIONS, act, command, furnish};
use crate::racing::rules;
use crate::world::*;

pub(crate) fn key(number: u8) -> AuditKey {
    AuditKey::of([number; 32], [9; 32])
}

pub(crate) fn limits() -> Limits {
    Limits::new(TimeDelta::seconds(30), TimeDelta::seconds(30)).unwrap()
}

/// The trail of a world, exported while it runs.
pub(crate) fn exported(world: &World, name: &str, without: &[String]) -> PathBuf {
    let file = world.directory.path().join(name);
    export(world.directory.path(), &file, key(1).salts(), without, String::new(), start()).unwrap();
    file
}

fn read(bytes: &[u8]) -> Result<devhub::audit::Verified, TrailError> {
    verify(&mut Reader::begin(bytes)?, &[], &[])
}

/// What attests a sound trail.
fn head(bytes: &[u8], by: u8) -> SignedHead {
    let mut reader = Reader::begin(bytes).unwrap();
    let counts = verify(&mut reader, &[], &[]).unwrap().counts;
    let epoch = reader.header().epoch[..].try_into().unwrap();
    Head { epoch, sequence: counts.sequence, link: counts.link, time: start() }.sign(&key(by))
}

pub(crate) fn attested(bytes: &[u8], heads: &[SignedHead]) -> Result<devhub::audit::Verified, TrailError> {
    verify(&mut Reader::begin(bytes)?, heads, &[key(1).public()])
}

/// The blocks of a file: tag, first byte, length with tag and length, and the sequence that each belongs to.
pub(crate) fn blocks(bytes: &[u8]) -> Vec<(u8, usize, usize, u64)> {
    let (mut at, mut sequence, mut found) = (12, 0, Vec::new());
    while at < bytes.len() {
        let length = 5 + u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap()) as usize;
        if bytes[at] == b'E' {
            sequence = u64::from_be_bytes(bytes[at + 5..at + 13].try_into().unwrap());
        }
        found.push((bytes[at], at, length, sequence));
        at += length;
    }
    found
}

/// A small world with an accepted, a refused and a personal fact.
async fn small() -> World {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.subscribe(ADA, "app", "1.0").await.unwrap_err();
    world.unsubscribe(ADA, "app", "1.0", false).await.unwrap();
    world
}

#[tokio::test]
async fn b92_every_changed_byte_of_a_trail_is_noticed_and_the_sequence_named() {
    let world = small().await;
    let bytes = std::fs::read(exported(&world, "trail", &[])).unwrap();
    let sound = read(&bytes).unwrap();
    assert_eq!((sound.counts.entries, sound.counts.erased, sound.attested), (sound.counts.sequence, 0, None));
    let blocks = blocks(&bytes);
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let error = read(&changed).expect_err("a changed byte");
        let Some((tag, begin, _, sequence)) = blocks.iter().rev().find(|(_, begin, ..)| *begin <= place) else {
            continue;
        };
        if !matches!(tag, b'E' | b'T') {
            continue;
        }
        let named = error.sequence().unwrap_or_else(|| panic!("byte {place}: {error}"));
        if place >= begin + 5 {
            assert_eq!(named, *sequence, "byte {place}: {error}");
            assert!(error.to_string().contains(&format!("sequence {sequence}")), "{error}");
        } else {
            // Where a block begins, or ends, is in doubt: what is sound before it is named, or the sequence itself.
            assert!(named == *sequence || named + 1 == *sequence, "byte {place}: {error}");
        }
    }
}

#[tokio::test]
async fn b92_a_trail_that_was_cut_is_refused_and_one_that_was_ended_anew_is_not_attested() {
    let world = small().await;
    let bytes = std::fs::read(exported(&world, "trail", &[])).unwrap();
    let attests = head(&bytes, 1);
    assert_eq!(attested(&bytes, std::slice::from_ref(&attests)).unwrap().attested, Some(attests.head.sequence));
    for length in 0..bytes.len() {
        read(&bytes[..length]).expect_err("a cut trail");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    read(&longer).expect_err("something behind the end");
    let mut cuts = 0;
    for kept in 0..attests.head.sequence {
        let cut = rewritten(&bytes, |step| (step.entry.sequence <= kept).then_some(step));
        let own = head(&cut, 2);
        read(&cut).expect("whoever can write the file can end it too");
        let error = attested(&cut, std::slice::from_ref(&attests)).unwrap_err();
        assert_eq!(error.sequence(), Some(attests.head.sequence), "{error}");
        assert!(error.to_string().contains("ends before it"), "{error}");
        let error = attested(&cut, &[own]).unwrap_err();
        assert!(error.to_string().contains("another key signed it"), "{error}");
        cuts += 1;
    }
    assert!(cuts >= 6, "{cuts}");
}

/// A trail that is sound by itself, with entries changed or left out.
fn rewritten(bytes: &[u8], change: impl Fn(devhub::audit::Step) -> Option<devhub::audit::Step>) -> Vec<u8> {
    let mut reader = Reader::begin(bytes).unwrap();
    let mut writer = Writer::begin(Vec::new(), reader.header()).unwrap();
    while let Some(step) = reader.next_entry().unwrap() {
        if let Some(step) = change(step) {
            writer.entry(step.entry.sequence, &step.entry.encode_to_vec(), step.texts).unwrap();
        }
    }
    writer.finish().unwrap().0
}

#[tokio::test]
async fn b92_a_chain_that_was_computed_anew_is_not_attested() {
    let world = small().await;
    let bytes = std::fs::read(exported(&world, "trail", &[])).unwrap();
    let attests = head(&bytes, 1);
    assert_eq!(rewritten(&bytes, Some), bytes, "written anew without a change, it is the same");
    for sequence in 1..=attests.head.sequence {
        let forged = rewritten(&bytes, |mut step| {
            if step.entry.sequence == sequence {
                step.entry.time = Some(timestamp(start() + days(1)));
            }
            Some(step)
        });
        read(&forged).expect("the chain alone proves nothing");
        let error = attested(&forged, std::slice::from_ref(&attests)).unwrap_err();
        assert_eq!(error.sequence(), Some(attests.head.sequence), "{error}");
        let without = rewritten(&bytes, |step| (step.entry.sequence != sequence).then_some(step));
        attested(&without, std::slice::from_ref(&attests)).expect_err("an entry was taken out");
    }
    let mut other = attests.clone();
    other.head.time = start() + ms(1);
    attested(&bytes, &[other]).expect_err("the head itself was changed");
    let other = Head { epoch: [7; 16], ..attests.head }.sign(&key(1));
    let error = attested(&bytes, &[other]).unwrap_err();
    assert!(error.to_string().contains("another history"), "{error}");
    attested(&bytes, &[attests]).unwrap();
}

pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn an_erased_person_is_gone_and_the_trail_is_attested_as_before() {
    let world = small().await;
    let whole = exported(&world, "trail", &[]);
    let bytes = std::fs::read(&whole).unwrap();
    let attests = head(&bytes, 1);
    assert!(contains(&bytes, "ada@example.com"));
    let copied = world.directory.path().join("without");
    let persons = ["Ada@Example.com".to_owned()];
    let counts = erase(&whole, &copied, &persons).unwrap();
    let without = std::fs::read(&copied).unwrap();
    assert!(counts.erased > 0 && !contains(&without, "ada@example.com"), "in whatever case");
    assert!(contains(&without, "operator:olga"), "the others are still there");
    let sound = attested(&without, std::slice::from_ref(&attests)).unwrap();
    assert_eq!((sound.attested, sound.counts.link), (Some(attests.head.sequence), attests.head.link));
    // An export that leaves her out is the same file: the chain does not depend on what is beside it.
    assert_eq!(std::fs::read(exported(&world, "fresh", &persons)).unwrap(), without);
    // What she did is still told, under one and the same reference.
    let mut reader = Reader::open(&copied).unwrap();
    let mut actors: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(step) = reader.next_entry().unwrap() {
        for fact in shown(&step.entry, |reference| reader.text(reference)) {
            *actors.entry(fact.actor).or_default() += 1;
        }
    }
    let erased: Vec<_> = actors.iter().filter(|(actor, _)| actor.starts_with("erased:")).collect();
    assert_eq!(erased.len(), 1, "{actors:?}");
    assert_eq!(erased[0].1, &3, "subscribed, refused, unsubscribed: {actors:?}");
    // A text that is left out without a mark is a cut.
    let blocks = blocks(&bytes);
    let (_, begin, length, sequence) = *blocks.iter().find(|(tag, ..)| *tag == b'T').unwrap();
    let cut = [&bytes[..begin], &bytes[begin + length..]].concat();
    let error = read(&cut).unwrap_err();
    assert_eq!(error.sequence(), Some(sequence), "{error}");
}

#[tokio::test]
async fn a_trail_shows_the_facts_that_the_hub_shows() {
    let world = small().await;
    let facts = world.all_facts(v1::FactFilter::default()).await;
    let mut reader = Reader::open(&exported(&world, "trail", &[])).unwrap();
    let mut found = Vec::new();
    while let Some(step) = reader.next_entry().unwrap() {
        found.extend(shown(&step.entry, |reference| reader.text(reference)));
    }
    assert_eq!(found, facts);
}

#[tokio::test]
async fn b92_refusals_are_found_by_reason_and_by_command() {
    let world = small().await;
    let find = async |filter: v1::FactFilter| world.all_facts(filter).await.len();
    let of = |refusal: &str, refused_command: &str| v1::FactFilter {
        refusal: refusal.into(),
        refused_command: refused_command.into(),
        ..Default::default()
    };
    assert_eq!(find(of("DUPLICATE_SUBSCRIPTION", "")).await, 1);
    assert_eq!(find(of("DUPLICATE_SUBSCRIPTION", "Subscribe")).await, 1);
    assert_eq!(find(of("DUPLICATE_SUBSCRIPTION", "Unsubscribe")).await, 0);
    assert_eq!(find(of("VERSION_RETIRED", "")).await, 0);
    for (filter, field) in [
        (of("NO_SUCH_REASON", ""), "filter.refusal"),
        (of("", "no such command"), "filter.refused_command"),
        (v1::FactFilter { company_id: "A B".into(), ..Default::default() }, "filter.company_id"),
        (v1::FactFilter { account_id: "A B".into(), ..Default::default() }, "filter.account_id"),
    ] {
        let request = v1::ListFactsRequest { filter: Some(filter), ..Default::default() };
        assert_eq!(violations(&world.facts().list_facts(request).await.unwrap_err()), [field]);
    }
}

/// The answers of the hub itself about every application and version, by what it knew and at that instant.
fn answers(hub: &Hub, at: DateTime<Utc>, revision: u64) -> Vec<v1::ExplainResponse> {
    let pairs = (0..APPLICATIONS).flat_map(|a| (0..VERSIONS).map(move |v| (a, v)));
    pairs
        .map(|(a, v)| {
            let asked = asked(a, v);
            let question = Question {
                client_id: &asked.client_id,
                context: &asked.context,
                label: &asked.version,
                environment: Environment::Sandbox,
                operation: None,
                company: None,
                project: None,
            };
            let table = hub.table_about(&question, revision).unwrap();
            table.ask(&question, |facts| render_trail(&explain(facts, &question, at, limits()), at))
        })
        .collect()
}

fn asked(a: usize, v: usize) -> v1::AuthorizeRequest {
    v1::AuthorizeRequest {
        client_id: format!("client-app-{a}"),
        context: CONTEXT.into(),
        version: format!("{v}.0"),
        environment: v1::Environment::Sandbox.into(),
        ..Default::default()
    }
}

/// Plays a history on a store in a directory; says when each revision was judged.
async fn play(directory: &Path, acts: &[Act]) -> (Hub, Vec<(DateTime<Utc>, u64)>) {
    let clock = ManualClock::at(start());
    let store: Arc<dyn Store> = Arc::new(Embedded::open(directory, Options::default()).unwrap());
    let hub = Hub::open(Arc::clone(&store), rules(), Arc::new(clock.clone())).unwrap();
    furnish(&hub).await;
    let operator: Actor = OPERATOR.parse().unwrap();
    for (number, act) in acts.iter().enumerate() {
        if let Act::Wait(days) = act {
            clock.advance(TimeDelta::days(*days));
        }
        if let Some(command) = command(act, &clock, number) {
            // Refusals are part of the history.
            let _ = hub.execute(operator.clone(), command, Request::once()).await;
        }
    }
    let commits = store.changes(0, usize::MAX).unwrap();
    assert!(clock.now() >= start());
    let judged = commits.iter().map(|commit| (commit.instant, commit.revision)).collect();
    (hub, judged)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Rule B93: at instants just before, at and just after any commit, and between, the file alone answers as the hub.
    #[test]
    fn b93_a_trail_answers_why_a_call_was_allowed_as_the_hub_does(
        acts in proptest::collection::vec(act(), 10..50),
        picks in proptest::collection::vec((any::<prop::sample::Index>(), -1i64..=1), 6),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (hub, judged) = runtime.block_on(play(directory.path(), &acts));
        let file = directory.path().join("trail");
        let persons = ["@".to_owned()];
        export(directory.path(), &file, key(1).salts(), &persons, String::new(), start()).unwrap();
        for (pick, moment) in picks {
            let at = judged[pick.index(judged.len())].0 + TimeDelta::milliseconds(moment);
            let known = judged.iter().filter(|(instant, _)| *instant <= at).map(|(_, revision)| *revision).max();
            // Before the first commit nothing is known; the hub has no word for that revision.
            let Some(revision) = known else { continue };
            let expected = answers(&hub, at, revision);
            let pairs = (0..APPLICATIONS).flat_map(|a| (0..VERSIONS).map(move |v| (a, v)));
            for ((a, v), expected) in pairs.zip(expected) {
                let answer = ask(Reader::open(&file).unwrap(), &asked(a, v), at, None, limits()).unwrap();
                // The revision that an answer states is that of the last commit that the table was told of.
                prop_assert_eq!(&answer, &expected, "application {}, version {} at {}", a, v, at);
                let again = ask(Reader::open(&file).unwrap(), &asked(a, v), at, Some(revision), limits()).unwrap();
                prop_assert_eq!(again, expected);
            }
        }
    }
}

#[tokio::test]
async fn b93_a_trail_answers_as_explain_does() {
    let world = small().await;
    let file = exported(&world, "trail", &[]);
    let judged: Vec<_> = world.hub().store().changes(0, 100).unwrap();
    for commit in &judged {
        let request = v1::ExplainRequest {
            question: Some(question("app", "1.0")),
            at: Some(timestamp(commit.instant)),
            at_revision: commit.revision,
        };
        let expected = world.gateway().explain(request).await.unwrap().into_inner();
        let at = commit.instant;
        let answer = ask(Reader::open(&file).unwrap(), &question("app", "1.0"), at, Some(commit.revision), limits());
        assert_eq!(answer.unwrap(), expected, "revision {}", commit.revision);
    }
    let beyond = judged.len() as u64 + 1;
    let answer = ask(Reader::open(&file).unwrap(), &question("app", "1.0"), start(), Some(beyond), limits());
    assert!(answer.unwrap_err().to_string().contains("is not in it"));
}
