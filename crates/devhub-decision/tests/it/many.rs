//! Many of a kind: each is found, and none is taken for another.

use devhub_decision::{
    ApplicationEntry, Change, CompanyAccess, Environment, InstallationEntry, Question, SubscriptionEntry, Table,
    VersionName,
};

use crate::given;

#[test]
fn a_thousand_subscriptions_of_one_client_and_a_thousand_clients_are_all_found() {
    let table = Table::new();
    let subscription = |client: u32, version: u32, live: bool| {
        Change::Subscription(SubscriptionEntry {
            client_id: client.to_string().into(),
            environment: Environment::Production,
            version: VersionName::new("hello", version.to_string()),
            live,
            ends_at: None,
        })
    };
    // 7 and 1000 share no factor: every number comes once, out of order.
    for step in 0..1000 {
        table.load(subscription(0, step * 7 % 1000, true));
        table.load(subscription(step, 0, true));
    }
    assert_eq!(table.counts().subscriptions, 1999);
    for step in (0..1000).filter(|step| step % 3 == 0) {
        table.load(subscription(0, step, false));
    }
    for step in 0..1000_u32 {
        let (client, label) = (step.to_string(), step.to_string());
        let subscribed = |client_id: &str, label: &str| {
            let question = Question { client_id, label, ..Question { context: "hello", ..given::question() } };
            table.ask(&question, |facts| facts.subscribed)
        };
        assert_eq!(subscribed("0", &label), step % 3 != 0, "version {step}");
        assert_eq!(subscribed(&client, "0"), step != 0, "client {step}");
    }
}

#[test]
fn a_stranger_is_never_taken_for_a_client_with_a_similar_hash() {
    // Among so many of one length, some share bucket and tag with a client: only the whole id tells them apart.
    let table = Table::new();
    let client_id = |number: u32| format!("{number:08}");
    for number in (0..4_000).step_by(2) {
        let client_id = client_id(number).into();
        table.load(Change::Application(ApplicationEntry { client_id, ..given::application() }));
    }
    for number in 0..4_000_u32 {
        let question = Question { client_id: &client_id(number), ..given::question() };
        let known = table.ask(&question, |facts| facts.application.is_some());
        assert_eq!(known, number.is_multiple_of(2), "client {number}");
    }
}

#[test]
fn a_thousand_companies_of_one_client_are_all_found_with_their_projects() {
    let table = given::table([Change::Version(given::scoped_version())]);
    let company = |number: u32| format!("{:0width$}", number, width = 1 + number as usize % 40);
    for number in 1..1_000 {
        let projects: Vec<String> = (0..number % 7).map(|project| format!("{}", project * 11)).collect();
        let projects: Vec<&str> = projects.iter().map(String::as_str).collect();
        let company_id = company(number).into();
        table.load(Change::Installation(InstallationEntry { company_id, ..given::installation(Some(&projects)) }));
    }
    assert_eq!(table.counts().installations, 999);
    for number in 1..1_000 {
        for project in 0..7 {
            let (company, named) = (company(number), format!("{}", project * 11));
            let access = table.ask(&given::question_about(&company, Some(&named)), |facts| facts.access);
            let expected =
                if project < number % 7 { CompanyAccess::Permitted } else { CompanyAccess::ProjectNotPermitted };
            assert_eq!(access, expected, "{company} {named}");
        }
    }
}
