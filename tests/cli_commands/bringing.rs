//! Companies, service accounts and installations from another system.

use super::hub::{Ran, TestHub, devhub, example};

fn import(hub: &TestHub, what: &str, file: &str, more: &[&str]) -> Ran {
    hub.devhub(&[&["import", what, file, "-o", "json"], more].concat())
}

/// Outcome and reason of each row.
fn verdicts(hub: &TestHub, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(hub.path(name)).expect("a verdict file");
    let rows = reader.records().map(|row| row.expect("a row"));
    rows.map(|row| format!("{} {}", &row[1], &row[2]).trim_end().to_owned()).collect()
}

const COMPANIES: &str = "\
company_id,name,tenancy,region,zone,administrators
42,Builders,production,us02,America/Los_Angeles,carol@builders.example dan@builders.example
7,Diggers,MONTHLY_SANDBOX,,,erin@diggers.example
8,Nobody's,production,,,
9,Odd,paper,,,erin@diggers.example
no id,Odd,production,,,erin@diggers.example
";

#[test]
fn companies_are_compared_brought_and_compared_again() {
    let hub = TestHub::new();
    let file = hub.file("companies.csv", COMPANIES);
    let before = hub.revision();
    let tally = import(&hub, "companies", &file, &[]).exits(4).json();
    assert_eq!((&tally["dry_run"], &tally["imported"], &tally["refused"]), (&true.into(), &2.into(), &3.into()));
    assert_eq!(hub.revision(), before, "a dry run changes nothing");
    let tally = import(&hub, "companies", &file, &["--apply"]).exits(4).json();
    assert_eq!((&tally["imported"], &tally["refused"]), (&2.into(), &3.into()));
    let company = hub.devhub(&["company", "get", "42", "-o", "json"]).exits(0).json();
    assert_eq!(company["administrators"].as_array().map(Vec::len), Some(2));

    let before = hub.revision();
    let other = hub.file("other.csv", &COMPANIES.replace("Diggers", "Delvers"));
    import(&hub, "companies", &other, &["--apply"]).exits(4);
    assert_eq!(hub.revision(), before, "what is there stays as it is");
    let invalid = "REFUSED INVALID_FIELD";
    assert_eq!(
        verdicts(&hub, "other.verdicts.csv"),
        ["UNCHANGED", "REFUSED ALREADY_EXISTS", invalid, invalid, invalid]
    );
    // What the file leaves open is no disagreement.
    hub.devhub(&["company", "update", "7", "--region", "eu01"]).exits(0);
    import(&hub, "companies", &file, &["--apply"]).exits(4);
    assert_eq!(verdicts(&hub, "companies.verdicts.csv"), ["UNCHANGED", "UNCHANGED", invalid, invalid, invalid]);
    // What only the hub can judge is a verdict too.
    let long = hub.file(
        "long.csv",
        &format!("company_id,name,tenancy,administrators\n43,{},production,a@example.com\n", "x".repeat(101)),
    );
    let tally = import(&hub, "companies", &long, &["--apply"]).exits(4).json();
    assert_eq!(tally["reasons"]["INVALID_FIELD"], 1);
}

const ACCOUNTS: &str = "\
company_id,account_id,client_id,name,created,application_type,application_id,description,developer_name,developer_email
42,sa-one,client-one,One,2020-01-01T00:00:00Z,marketplace,buildsync,,,
42,,client-two,Two,2019-07-31 start-of-day Europe/London,custom,,copies,Bob,bob@example.com
7,,client-three,Three,2020-01-01T00:00:00Z,,,,,
99,,client-four,Four,2020-01-01T00:00:00Z,undefined,,,,
42,,client-five,Five,2019-07-31,undefined,,,,
42,,client-six,Six,2020-01-01T00:00:00Z,undefined,buildsync,,,
42,,client-seven,Seven,2020-01-01T00:00:00Z,marketplace,nobody,,,
";

#[test]
fn b82_accounts_are_judged_brought_and_unchanged_the_second_time() {
    let hub = TestHub::new();
    import(&hub, "companies", &hub.file("companies.csv", COMPANIES), &["--apply"]).exits(4);
    hub.application("buildsync");
    let file = hub.file("accounts.csv", ACCOUNTS);
    let before = hub.revision();
    let tally = import(&hub, "accounts", &file, &[]).exits(4).json();
    assert_eq!((&tally["dry_run"], &tally["imported"], &tally["refused"]), (&true.into(), &3.into(), &4.into()));
    assert_eq!(hub.revision(), before, "a dry run changes nothing");
    let refusals = [
        "REFUSED COMPANY_NOT_FOUND",
        "REFUSED INVALID_FIELD",
        "REFUSED INVALID_FIELD",
        "REFUSED APPLICATION_NOT_FOUND",
    ];
    let expected = |outcome: &'static str| [&[outcome; 3][..], &refusals].concat();
    assert_eq!(verdicts(&hub, "accounts.verdicts.csv"), expected("WOULD_IMPORT"));
    import(&hub, "accounts", &file, &["--apply"]).exits(4);
    assert_eq!(verdicts(&hub, "accounts.verdicts.csv"), expected("IMPORTED"));
    import(&hub, "accounts", &file, &["--apply"]).exits(4);
    assert_eq!(verdicts(&hub, "accounts.verdicts.csv"), expected("UNCHANGED"));

    let accounts = hub.devhub(&["service-account", "list", "--company", "42", "-o", "json"]).exits(0).json();
    let created: Vec<_> = accounts.as_array().expect("two").iter().map(|account| &account["create_time"]).collect();
    assert!(created.contains(&&"2019-07-30T23:00:00Z".into()), "{created:?}");
    let other = hub.file("other.csv", &ACCOUNTS.replace(",Two,", ",Too,"));
    import(&hub, "accounts", &other, &["--apply"]).exits(4);
    assert_eq!(verdicts(&hub, "other.verdicts.csv")[1], "REFUSED SERVICE_ACCOUNT_DIFFERS");
}

#[test]
fn many_accounts_go_in_several_messages_and_each_gets_its_verdict_in_order() {
    let hub = TestHub::new();
    import(&hub, "companies", &hub.file("companies.csv", COMPANIES), &["--apply"]).exits(4);
    let mut text = "client_id,company_id,created,name\n".to_owned();
    for number in 0..5001 {
        let created = if number % 10 == 0 { "someday" } else { "2020-01-01T00:00:00Z" };
        text += &format!("client-{number},{},{created},Account {number}\n", 1000 + number);
    }
    let tally = import(&hub, "accounts", &hub.file("many.csv", &text), &[]).exits(4).json();
    assert_eq!((&tally["rows"], &tally["refused"]), (&5001.into(), &5001.into()));
    let expected = |number: usize| {
        if number.is_multiple_of(10) { "REFUSED INVALID_FIELD" } else { "REFUSED COMPANY_NOT_FOUND" }
    };
    let told = verdicts(&hub, "many.verdicts.csv");
    assert_eq!(told.len(), 5001);
    assert!(told.iter().enumerate().all(|(number, told)| told == expected(number)));
}

#[test]
fn a_row_that_names_what_another_has_named_is_told_so_dry_or_not() {
    let hub = TestHub::new();
    let companies = hub.file(
        "companies.csv",
        "company_id,name,tenancy,administrators\n42,One,production,a@example.com\n\
         42,Two,production,a@example.com\n42,Odd,paper,a@example.com\n",
    );
    let accounts = hub.file(
        "accounts.csv",
        "company_id,account_id,client_id,name,created\n\
         42,,client-one,One,someday\n\
         42,sa-one,client-one,One,2020-01-01T00:00:00Z\n\
         42,,client-one,One,2020-01-01T00:00:00Z\n\
         42,sa-one,client-two,Two,2020-01-01T00:00:00Z\n\
         42,sa-two,client-two,Two,2020-01-01T00:00:00Z\n",
    );
    let (twice, invalid) = ("REFUSED DUPLICATE_ROW", "REFUSED INVALID_FIELD");
    for (more, outcome) in [(&[][..], "WOULD_IMPORT"), (&["--apply"], "IMPORTED"), (&["--apply"], "UNCHANGED")] {
        import(&hub, "companies", &companies, more).exits(4);
        assert_eq!(verdicts(&hub, "companies.verdicts.csv"), [outcome, twice, invalid]);
        if more.is_empty() {
            continue;
        }
        let tally = import(&hub, "accounts", &accounts, &[]).exits(4).json();
        assert_eq!((&tally["refused"], &tally["reasons"]["DUPLICATE_ROW"]), (&3.into(), &2.into()));
        import(&hub, "accounts", &accounts, more).exits(4);
        let expected = [invalid, outcome, twice, twice, outcome];
        assert_eq!(verdicts(&hub, "accounts.verdicts.csv"), expected);
    }
    let text = std::fs::read_to_string(hub.path("accounts.verdicts.csv")).expect("verdicts");
    assert!(text.contains("row 2 has the same client_id; leave one of the two out"), "{text}");
}

const INSTALLATIONS: &str = "\
company_id,application_id,version,projects,installed,installed_by
42,buildsync,1.0.0,north south,2024-06-03T16:20:00Z,carol@builders.example
43,buildsync,1.0.0,*,2025-02-11 start-of-day America/New_York,
44,buildsync,1.0.0,-,2025-02-11T00:00:00Z,
43,buildsync,1.0.0,*,2025-02-11T00:00:00Z,
45,buildsync,1.0.0,*,2025-02-11T00:00:00Z,
46,buildsync,2.0.0,*,2025-02-11T00:00:00Z,
46,buildsync,1.0.0,,2025-02-11T00:00:00Z,
46,buildsync,1.0.0,west,2025-02-11T00:00:00Z,
46,reportly,1.0.0,*,2025-02-11T00:00:00Z,
47,buildsync,1.0.0,*,2025-02-11,
";

/// An application in production with a promoted version.
fn released(hub: &TestHub, application: &str) {
    hub.application(application);
    hub.devhub(&["organisation", "set", "Example Ltd", "verified-partner", "--reason", "papers"]).exits(0);
    hub.devhub(&["app-version", "create", application, "1.0.0", "--component", "service-account"]).exits(0);
    hub.devhub(&["app-version", "promote", application, "1.0.0"]).exits(0);
}

#[test]
fn b76_b81_installations_are_judged_brought_and_unchanged_the_second_time() {
    let hub = TestHub::new();
    let mut companies = "company_id,name,tenancy,administrators\n".to_owned();
    for id in [42, 43, 44, 46, 47] {
        companies += &format!("{id},Company {id},production,carol@builders.example\n");
    }
    import(&hub, "companies", &hub.file("companies.csv", &companies), &["--apply"]).exits(0);
    for project in ["north", "south"] {
        hub.devhub(&["project", "put", "42", project, "--name", "A project"]).exits(0);
    }
    released(&hub, "buildsync");
    hub.devhub(&["app-version", "create", "buildsync", "2.0.0", "--component", "service-account"]).exits(0);
    let file = hub.file("installations.csv", INSTALLATIONS);
    let before = hub.revision();
    let tally = import(&hub, "installations", &file, &[]).exits(4).json();
    assert_eq!((&tally["dry_run"], &tally["imported"], &tally["refused"]), (&true.into(), &3.into(), &7.into()));
    assert_eq!(hub.revision(), before, "a dry run changes nothing");
    let refusals = [
        "REFUSED DUPLICATE_ROW",
        "REFUSED COMPANY_NOT_FOUND",
        "REFUSED APP_VERSION_NOT_AVAILABLE",
        "REFUSED INVALID_FIELD",
        "REFUSED DUPLICATE_ROW",
        "REFUSED APPLICATION_NOT_FOUND",
        "REFUSED INVALID_FIELD",
    ];
    let expected = |outcome: &'static str| [&[outcome; 3][..], &refusals].concat();
    assert_eq!(verdicts(&hub, "installations.verdicts.csv"), expected("WOULD_IMPORT"));
    for outcome in ["IMPORTED", "UNCHANGED"] {
        import(&hub, "installations", &file, &["--apply"]).exits(4);
        assert_eq!(verdicts(&hub, "installations.verdicts.csv"), expected(outcome));
    }
    let projects = hub.file("projects.csv", &INSTALLATIONS.replace("north south", "north west"));
    import(&hub, "installations", &projects, &["--apply"]).exits(4);
    assert_eq!(verdicts(&hub, "projects.verdicts.csv")[0], "REFUSED INSTALLATION_DIFFERS");
    let known = hub.devhub(&["list", "installations", "--company", "42", "-o", "json"]).exits(0).json();
    let known = &known[0];
    assert_eq!(known["intervals"][0]["start_time"], "2024-06-03T16:20:00Z");
    assert_eq!(known["changed_by"], "collaborator:carol@builders.example");
    let carol = ["--actor", "collaborator:carol@builders.example"];
    let ran = import(&hub, "installations", &file, &carol).exits(1);
    assert!(
        ran.err.contains("rows from 1 on were not answered") && ran.err.contains("OPERATOR_REQUIRED"),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_to_be_imported_is_said_or_is_subscriptions() {
    let hub = TestHub::new();
    let file = hub.file("accounts.csv", "company_id,client_id,name\n");
    let ran = import(&hub, "accounts", &file, &[]).exits(1);
    assert!(ran.err.contains("no column \"created\""), "{}", ran.err);
    let broken = hub.file("broken.csv", "company_id,client_id,name,created\n42,client-one\n");
    let ran = import(&hub, "accounts", &broken, &["--apply"]).exits(1);
    assert!(ran.err.contains("row 1 of") && !hub.path("broken.verdicts.csv").exists(), "{}", ran.err);
    devhub(&["import"]).exits(64);
    let empty = hub.file("subs.csv", "application_id,context,version\n");
    for spelling in [&["import", "-f", &empty][..], &["import", "subscriptions", "-f", &empty]] {
        assert!(hub.devhub(spelling).exits(0).out.contains("this was a dry run"));
    }
    hub.devhub(&["import", "-o", "json", "subscriptions", "-f", &empty]).exits(0);
    let twice = hub.devhub(&["import", "-f", &empty, "accounts", &empty]).exits(1);
    assert!(twice.err.contains("stand after the word"), "{}", twice.err);
    let actor = ["--apply", "--actor", "collaborator:carol@builders.example"];
    let row = hub.file("row.csv", "company_id,client_id,name,created\n42,client-one,One,2020-01-01T00:00:00Z\n");
    let ran = import(&hub, "accounts", &row, &actor).exits(1);
    assert!(ran.err.contains("rows from 1 on were not answered"), "{}", ran.err);
}

#[test]
fn the_example_is_brought_as_its_readme_says() {
    let hub = TestHub::new();
    released(&hub, "buildsync");
    hub.devhub(&["credential-class", "load", &example("procore-rest/credential-class.yaml")]).exits(0);
    let verdicts = hub.path("verdicts.csv").display().to_string();
    let bring = |what: &str, more: &[&str]| {
        let file = example(&format!("procore-rest/{what}.csv"));
        import(&hub, what, &file, &[&["--verdicts", &verdicts], more].concat())
    };
    assert_eq!(bring("companies", &["--apply"]).exits(0).json()["imported"], 4);
    for more in [&[][..], &["--apply"]] {
        let tally = bring("accounts", more).exits(4).json();
        assert_eq!((&tally["imported"], &tally["refused"]), (&6.into(), &2.into()), "{tally}");
        assert_eq!(
            (&tally["reasons"]["COMPANY_NOT_FOUND"], &tally["reasons"]["APPLICATION_NOT_FOUND"]),
            (&1.into(), &1.into())
        );
    }
    for project in ["harbor-east", "harbor-west"] {
        hub.devhub(&["project", "put", "562949953421312", project, "--name", "A project"]).exits(0);
    }
    for more in [&[][..], &["--apply"]] {
        let tally = bring("installations", more).exits(4).json();
        assert_eq!((&tally["imported"], &tally["refused"]), (&2.into(), &4.into()), "{tally}");
        for reason in ["APP_VERSION_NOT_FOUND", "APPLICATION_NOT_FOUND", "DUPLICATE_ROW", "COMPANY_NOT_FOUND"] {
            assert_eq!(tally["reasons"][reason], 1, "{tally}");
        }
    }
}
