//! A call that does not say who may make it is not compiled.

#[path = "../build/labels.rs"]
mod labels;

use labels::{Access, Enumeration, File, Files, Label, Method, Options, Service, Value, read, table};

fn method(name: &str, roles: Option<&[i32]>) -> Method {
    let options = roles.map(|roles| Options { access: Some(Access { roles: roles.to_vec() }) });
    Method { name: name.to_owned(), options, server_streaming: name == "Second", ..Method::default() }
}

fn files(methods: Vec<Method>) -> Files {
    let values = [(0, "CALLER_ROLE_UNSPECIFIED"), (1, "CALLER_ROLE_COMPANY_ADMINISTRATOR"), (2, "CALLER_ROLE_AUDITOR")];
    let value = values.map(|(number, name)| Value { name: name.to_owned(), number }).to_vec();
    let enums = vec![Enumeration { name: "CallerRole".to_owned(), value }];
    let service = vec![Service { name: "ApiService".to_owned(), method: methods }];
    Files { file: vec![File { package: "devhub.v1".to_owned(), enums, service }] }
}

#[test]
fn labels_are_read_in_order_of_path() {
    let labels = read(&files(vec![method("Second", Some(&[2])), method("First", Some(&[2, 1]))])).unwrap();
    let label = |path: &str, roles: &[&str]| Label {
        path: path.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        streams: path.ends_with("/Second"),
    };
    let expected = [
        label("/devhub.v1.ApiService/First", &["CompanyAdministrator", "Auditor"]),
        label("/devhub.v1.ApiService/Second", &["Auditor"]),
    ];
    assert_eq!(labels, expected);
    assert!(table(&labels).contains("(\"/devhub.v1.ApiService/Second\", &[crate::v1::CallerRole::Auditor]),"));
    let streams = "pub static STREAMS: [&str; 1] = [\"/devhub.v1.ApiService/Second\"];";
    assert!(table(&labels).contains(streams));
}

#[test]
fn streams_are_told_from_other_calls() {
    let sends = Method { client_streaming: true, ..method("Sends", Some(&[1])) };
    let follows = Method { server_streaming: true, ..method("Follows", Some(&[1])) };
    let told = table(&read(&files(vec![sends, method("Once", Some(&[1])), follows])).unwrap());
    let streams = "[\"/devhub.v1.ApiService/Follows\", \"/devhub.v1.ApiService/Sends\"]";
    assert!(told.contains(&format!("STREAMS: [&str; 2] = {streams};")), "{told}");
}

#[test]
fn an_unlabelled_call_stops_the_build_and_is_named() {
    let seeded: [Option<&[i32]>; 5] = [None, Some(&[]), Some(&[0]), Some(&[9]), Some(&[1, 1])];
    for roles in seeded {
        let error = read(&files(vec![method("Fine", Some(&[1])), method("Forgotten", roles)])).unwrap_err();
        assert!(error.contains("/devhub.v1.ApiService/Forgotten"), "{roles:?}: {error}");
        assert!(!error.contains("/Fine"), "{roles:?}: {error}");
    }
}

#[test]
fn calls_of_others_need_no_label() {
    let mut with_others = files(vec![method("Fine", Some(&[1]))]);
    let service = vec![Service { name: "Authorization".to_owned(), method: vec![method("Check", None)] }];
    with_others.file.push(File { package: "envoy.service.auth.v3".to_owned(), enums: Vec::new(), service });
    assert_eq!(read(&with_others).unwrap().len(), 1);
}
