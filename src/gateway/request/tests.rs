//! Calls and the questions that are made of them.

use super::*;

/// A caller with a token and a certificate.
struct Known {
    claims: &'static [(&'static str, &'static str, Presented<'static>)],
    principal: Presented<'static>,
}

impl<'c> Caller<'c> for Known {
    fn claim(&self, claim: &Claim) -> Presented<'c> {
        let mut claims = self.claims.iter();
        let found = claims.find(|(payload, name, _)| *payload == &*claim.payload && *name == &*claim.name);
        found.map_or(Presented::Nothing, |(_, _, presented)| *presented)
    }

    fn principal(&self) -> Presented<'c> {
        self.principal
    }
}

fn reading() -> Reading {
    Reading {
        identity: vec!["header:x-client-id".parse().expect("a source")],
        environment: Some(Environment::Sandbox),
        path: PathUse::Context,
        path_bytes_max: 2048,
        vendor: Some("hmrc".parse().expect("a vendor")),
        default_version: None,
        company_header: "procore-company-id".into(),
        project_header: Some("procore-project-id".into()),
    }
}

const ACCEPT: (&str, &str) = ("accept", "application/vnd.hmrc.1.0+json");
const CLIENT: (&str, &str) = ("x-client-id", "client-app");

struct Sent {
    target: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    pinned: Pinned<'static>,
    method: &'static str,
}

fn sent() -> Sent {
    Sent { target: "/hello/world", headers: vec![ACCEPT, CLIENT], pinned: Pinned::default(), method: "GET" }
}

fn is_api(context: &str, _: Environment) -> bool {
    ["hello", "a", "a/b"].contains(&context)
}

fn ask(reading: &Reading, sent: &Sent, caller: &dyn for<'c> Fn() -> Known) -> Result<String, Misread> {
    let caller = caller();
    let headers = sent.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let Sent { method, target, pinned, .. } = *sent;
    let call = Call { method, target, headers, pinned, caller: &caller };
    reading.read(&call, &is_api).map(|question| {
        let Question { client_id, context, label, environment, operation, company, project } = question;
        let operation = operation.map(|operation| format!("{} {}", operation.method, operation.path));
        let parts = [Some(client_id), Some(context), Some(label), operation.as_deref(), company, project];
        format!("{environment} {}", parts.map(Option::unwrap_or_default).join("|"))
    })
}

fn read(reading: &Reading, sent: &Sent) -> Result<String, Misread> {
    ask(reading, sent, &|| Known { claims: &[], principal: Presented::Nothing })
}

fn is_misconfigured(result: &Result<String, Misread>) -> bool {
    matches!(result, Err(Misread::Misconfigured { .. }))
}

#[test]
fn a_call_becomes_a_question() {
    assert_eq!(read(&reading(), &sent()).expect("a question"), "SANDBOX client-app|hello|1.0|GET /world||");
    let headers = vec![ACCEPT, CLIENT, ("Procore-Company-Id", " 42 "), ("procore-project-id", "p_1")];
    let sent = Sent { headers, target: "/hello?a=b", ..sent() };
    assert_eq!(read(&reading(), &sent).expect("a question"), "SANDBOX client-app|hello|1.0|GET /|42|p_1");
}

#[test]
fn the_innermost_api_on_the_path_is_the_one_that_is_called() {
    for (target, expected) in [
        ("/a/b/c", Ok("SANDBOX client-app|a/b|1.0|GET /c||")),
        ("/a/b", Ok("SANDBOX client-app|a/b|1.0|GET /||")),
        ("/a/bc", Ok("SANDBOX client-app|a|1.0|GET /bc||")),
        ("/nothing/a", Err(Misread::UnknownContext)),
        ("/", Err(Misread::UnknownContext)),
        ("/HELLO/world", Err(Misread::UnknownContext)),
    ] {
        let read = read(&reading(), &Sent { target, ..sent() });
        assert_eq!(read, expected.map(str::to_owned), "{target}");
    }
}

#[test]
fn a_path_is_read_for_what_the_endpoint_says() {
    let pinned = Pinned { context: Some("hello"), ..Pinned::default() };
    let odd = Sent { target: "/hello/%2e%2e/a", pinned, ..sent() };
    for path in [PathUse::Operation, PathUse::Context] {
        let reading = Reading { path, ..reading() };
        assert_eq!(read(&reading, &odd), Err(Misread::OddPath(OddPath::Escape)), "an odd path is odd on any route");
        let elsewhere = Sent { target: "/hellox", pinned, ..sent() };
        assert_eq!(read(&reading, &elsewhere), Err(Misread::OutsideBase { base: "/hello".into() }));
        let based = Pinned { base_path: Some("/v9/greetings"), ..pinned };
        let based = Sent { target: "/v9/greetings/world", pinned: based, ..sent() };
        assert_eq!(read(&reading, &based).expect("a question"), "SANDBOX client-app|hello|1.0|GET /world||");
        let host = Pinned { base_path: Some("/"), ..pinned };
        let host = Sent { target: "/any/where", pinned: host, ..sent() };
        assert_eq!(read(&reading, &host).expect("a question"), "SANDBOX client-app|hello|1.0|GET /any/where||");
        for method in ["", "get", "G T", "ABCDEFGHIJKLMNOPQ"] {
            assert_eq!(read(&reading, &Sent { method, pinned, ..sent() }), Err(Misread::OddMethod), "{method}");
        }
    }
    let reading = Reading { path: PathUse::Operation, ..reading() };
    assert_eq!(read(&reading, &sent()), Err(Misread::UnknownContext), "the route names the context, or nobody does");
    let reading = Reading { path: PathUse::Nothing, ..reading };
    assert_eq!(read(&reading, &odd).expect("a question"), "SANDBOX client-app|hello|1.0|||");
    assert_eq!(read(&reading, &sent()), Err(Misread::UnknownContext));
}

#[test]
fn the_version_is_named_once() {
    let none = Sent { headers: vec![CLIENT], ..sent() };
    assert_eq!(read(&reading(), &none), Err(Misread::Accept(AcceptFault::Missing)));
    let with_default = Reading { default_version: Some("1.0".into()), ..reading() };
    assert!(read(&with_default, &none).is_ok());
    let two = Sent { headers: vec![ACCEPT, ("accept", "application/vnd.hmrc.2.0+json"), CLIENT], ..sent() };
    assert_eq!(read(&with_default, &two), Err(Misread::Accept(AcceptFault::Several)));

    let pinned = |version| Pinned { version: Some(version), ..Pinned::default() };
    assert!(read(&reading(), &Sent { pinned: pinned("1.0"), ..sent() }).is_ok());
    assert!(read(&reading(), &Sent { pinned: pinned("1.0"), headers: vec![CLIENT], ..sent() }).is_ok());
    let contradicted = read(&reading(), &Sent { pinned: pinned("2.0"), ..sent() });
    assert_eq!(contradicted, Err(Misread::Accept(AcceptFault::Contradicts)));
    let two = Sent { pinned: pinned("1.0"), ..two };
    assert_eq!(read(&reading(), &two), Err(Misread::Accept(AcceptFault::Several)));
    assert!(is_misconfigured(&read(&reading(), &Sent { pinned: pinned("1 0"), ..sent() })));

    let without_vendor = Reading { vendor: None, ..reading() };
    assert!(is_misconfigured(&read(&without_vendor, &sent())), "nobody can name a version there");
    assert!(read(&without_vendor, &Sent { pinned: pinned("2.0"), ..sent() }).is_ok(), "Accept is the API's own");
}

#[test]
fn the_environment_is_the_endpoints_or_the_routes() {
    let pinned = |environment| Pinned { environment: Some(environment), ..Pinned::default() };
    let production = Sent { pinned: pinned("production"), ..sent() };
    assert!(read(&reading(), &production).expect("a question").starts_with("PRODUCTION "));
    assert!(is_misconfigured(&read(&reading(), &Sent { pinned: pinned("prod"), ..sent() })));
    let nowhere = Reading { environment: None, ..reading() };
    assert!(is_misconfigured(&read(&nowhere, &sent())));
    assert!(read(&nowhere, &production).is_ok());
}

#[test]
fn an_identity_comes_from_the_one_source_that_is_configured() {
    let sources: Vec<Source> = ["claim:jwt.https://idp.example/client", "principal:spiffe://x/", "header:x-client-id"]
        .map(|text| text.parse().expect("a source"))
        .into();
    let reading = Reading { identity: sources, ..reading() };
    let known: &dyn for<'c> Fn() -> Known = &|| Known {
        claims: &[("jwt", "https://idp.example/client", Presented::Text("client-token"))],
        principal: Presented::Text("spiffe://x/client-mtls"),
    };
    let identified = |named: Option<&'static str>, caller: &dyn for<'c> Fn() -> Known| {
        let sent = Sent { pinned: Pinned { identity: named, ..Pinned::default() }, ..sent() };
        ask(&reading, &sent, caller).map(|question| question.split(['|', ' ']).nth(1).expect("parts").to_owned())
    };
    assert_eq!(identified(None, known).as_deref(), Ok("client-token"));
    assert_eq!(identified(Some("principal:spiffe://x/"), known).as_deref(), Ok("client-mtls"));
    assert_eq!(identified(Some("header:x-client-id"), known).as_deref(), Ok("client-app"));
    assert!(is_misconfigured(&identified(Some("header:x-other"), known)), "a route chooses among what is configured");

    // No silent fall-through: without a token the header of the same call means nothing.
    let nobody: &dyn for<'c> Fn() -> Known = &|| Known { claims: &[], principal: Presented::Nothing };
    assert_eq!(identified(None, nobody).as_deref(), Ok(""));
    let odd: &dyn for<'c> Fn() -> Known = &|| Known {
        claims: &[("jwt", "https://idp.example/client", Presented::NotText)],
        principal: Presented::Text("spiffe://y/client-mtls"),
    };
    assert_eq!(identified(None, odd), Err(Misread::MalformedIdentity));
    assert_eq!(identified(Some("principal:spiffe://x/"), odd), Err(Misread::MalformedIdentity));
}

#[test]
fn a_repeated_identity_or_company_is_refused() {
    for name in ["x-client-id", "procore-company-id", "procore-project-id"] {
        let repeated = |values: &[&'static str]| {
            let others = [ACCEPT, CLIENT].into_iter().filter(|(known, _)| *known != name);
            let headers = others.chain(values.iter().map(|value| (name, *value))).collect();
            read(&reading(), &Sent { headers, ..sent() })
        };
        // As separate lines, as one line that a gateway joined, and even where both are the same.
        for values in [&["app-1", "app-2"][..], &["app-1,app-2"], &["app-1", "app-1"], &["app-1,"]] {
            assert_eq!(repeated(values), Err(Misread::RepeatedHeader(name.into())), "{values:?}");
        }
        for value in ["", " ", "a b", "a\u{7f}", "é", "a\r\nb"] {
            assert_eq!(repeated(&[value]), Err(Misread::MalformedHeader(name.into())), "{value:?}");
        }
    }
    let long = Sent { headers: vec![ACCEPT, ("x-client-id", LONG_ID)], ..sent() };
    assert_eq!(read(&reading(), &long), Err(Misread::MalformedIdentity));
    for company in ["a.b", "a/b", &LONG_ID[..65]] {
        let sent = Sent { headers: vec![ACCEPT, CLIENT, ("procore-company-id", company)], ..sent() };
        assert_eq!(read(&reading(), &sent), Err(Misread::MalformedHeader("procore-company-id".into())));
    }
    let nobody = Sent { headers: vec![ACCEPT], ..sent() };
    assert_eq!(read(&reading(), &nobody).expect("a question"), "SANDBOX |hello|1.0|GET /world||");
}

/// One byte longer than client ids are.
const LONG_ID: &str = match std::str::from_utf8(&[b'a'; 129]) {
    Ok(text) => text,
    Err(_) => "",
};

#[test]
fn sources_are_written_as_they_are_read() {
    for text in ["claim:jwt.azp", "claim:jwt.https://x.example/id", "principal", "principal:spiffe://x/", "header:x-id"]
    {
        assert_eq!(text.parse::<Source>().expect(text).to_string(), text);
    }
    for text in [
        "",
        "jwt",
        "claim:",
        "claim:jwt",
        "claim:jwt.",
        "claim:.azp",
        "header:",
        "header:X-Id",
        "header:x-devhub-id",
        "header:a b",
        "query:id",
        "principal:a,b",
    ] {
        assert!(text.parse::<Source>().is_err(), "{text:?}");
    }
}
