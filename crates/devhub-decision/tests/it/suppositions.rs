//! The table as it would be after a change that nobody made yet.

use devhub_decision::{
    Change, Environment, Question, Reason, Schedule, SubscriptionEntry, Supposition, Table, VersionEntry, decide,
};

use crate::given::{self, MS, d, r};

fn reason(supposition: &Supposition<'_>, question: &Question<'_>) -> Reason {
    supposition.ask(question, |facts| decide(facts, r(), given::limits()).reason)
}

fn present(table: &Table, question: &Question<'_>) -> Reason {
    table.ask(question, |facts| decide(facts, r(), given::limits()).reason)
}

#[test]
fn a_supposed_version_or_namespace_answers_and_the_table_stays_as_it_is() {
    let table = given::subscribed_to(given::version());
    let before = table.dump();
    let retired = Schedule::Retirement { retires_at: r() };
    for change in [
        Change::Version(given::scheduled(retired)),
        Change::Namespace(given::namespace(retired)),
        Change::Namespace(given::namespace(given::deprecation())),
    ] {
        let supposition = table.supposing(vec![change]);
        assert_eq!(reason(&supposition, &given::question()), Reason::VersionRetired);
        assert_eq!(present(&table, &given::question()), Reason::Subscribed);
    }
    assert_eq!(table.dump(), before);
}

#[test]
fn a_supposed_version_keeps_subscriptions_and_terms_as_they_are_now() {
    let table = given::subscribed_to(given::version());
    let supposition = table.supposing(vec![Change::Version(given::scheduled(given::deprecation()))]);
    table.apply(2, vec![given::waiver(Some(given::date("W")))]);
    assert_eq!(reason(&supposition, &given::question()), Reason::Waived);
    let ended = SubscriptionEntry { live: false, ..given::subscription() };
    table.apply(3, vec![Change::Subscription(ended)]);
    assert_eq!(reason(&supposition, &given::question()), Reason::NotSubscribed);
    supposition.ask(&given::question(), |facts| assert_eq!(facts.revision, 3));
}

#[test]
fn a_version_that_is_only_supposed_is_never_taken_for_one_that_came_later() {
    let table = given::subscribed_to(given::version());
    let supposed = VersionEntry { name: given::name("7.0"), ..given::version() };
    let supposition = table.supposing(vec![Change::Version(supposed)]);
    // The table gives its next number to another version.
    let version = given::name("8.0");
    table.apply(2, vec![Change::Subscription(SubscriptionEntry { version, ..given::subscription() })]);
    let question = |label: &'static str| Question { label, ..given::question() };
    assert_eq!(reason(&supposition, &question("7.0")), Reason::NotSubscribed);
    assert_eq!(reason(&supposition, &question("8.0")), Reason::UnknownVersion);
    assert_eq!(present(&table, &question("7.0")), Reason::UnknownVersion);
}

#[test]
fn other_changes_are_left_out() {
    let table = given::table([Change::Version(given::version()), Change::Application(given::application())]);
    let supposition = table.supposing(vec![Change::Subscription(given::subscription()), given::waiver(Some(d() + MS))]);
    assert_eq!(reason(&supposition, &given::question()), Reason::NotSubscribed);
    let sandbox = Question { environment: Environment::Sandbox, ..given::question() };
    assert_eq!(reason(&supposition, &sandbox), Reason::UnknownVersion);
}
