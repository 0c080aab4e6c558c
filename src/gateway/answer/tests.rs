//! Decisions and the answers that are made of them.

use devhub_decision::{Environment, Reason, Remedy, RemedyAction, Stage, VersionName};
use serde_json::{Value, json};

use super::*;
use crate::gateway::request::{AcceptFault, OddPath};

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn question() -> Question<'static> {
    Question {
        client_id: "client-app",
        context: "individuals/losses",
        label: "1.0",
        environment: Environment::Sandbox,
        operation: None,
        company: None,
        project: None,
    }
}

fn decision(reason: Reason) -> Decision<'static> {
    Decision {
        reason,
        stage: Some(Stage::Deprecated),
        application_id: Some("app"),
        account_id: None,
        credential_ends_at: None,
        valid_until: instant("2026-01-01T00:00:30Z"),
        remedy: None,
        headers: Headers {
            deprecation: Some("@1767225600"),
            sunset: Some("Sat, 01 Aug 2026 12:30:45 GMT"),
            link: Some("<https://x.example/2.0>; rel=\"successor-version\""),
        },
        successor: None,
        successor_namespace: None,
        replacement: None,
        days_left: None,
        revision: 7,
    }
}

fn answer(question: &Question<'_>, decision: &Decision<'_>, format: BodyFormat) -> Answer {
    let now = instant("2026-01-01T00:00:00Z");
    Answer::to(&Ruling { question, decision, id: "decision-1", now }, format)
}

fn denied(answer: Answer) -> Denial {
    match answer {
        Answer::Deny(denial) => denial,
        Answer::Pass(pass) => panic!("it passes: {pass:?}"),
    }
}

fn body(denial: &Denial) -> Value {
    assert!(!denial.body.contains('\n'), "one line: {}", denial.body);
    serde_json::from_str(&denial.body).expect("JSON")
}

fn value<'d>(denial: &'d Denial, name: &str) -> Option<&'d str> {
    denial.headers.iter().find(|header| header.name == name).map(|header| header.value.as_str())
}

#[test]
fn b63_every_reason_comes_to_a_pass_or_to_a_denial_that_no_gateway_takes_for_one() {
    for reason in Reason::ALL {
        for format in BodyFormat::ALL {
            match answer(&question(), &decision(reason), format) {
                Answer::Pass(_) => assert!(reason.allows(), "{reason}"),
                Answer::Deny(denial) => {
                    assert!(!reason.allows(), "{reason}");
                    assert!(!(200..300).contains(&denial.status.number()), "{reason}");
                    let body = body(&denial);
                    match format {
                        BodyFormat::Neutral => assert_eq!(body["reason"], json!(reason.name())),
                        BodyFormat::Hmrc => {
                            assert!(body["code"].is_string() && body["message"].is_string(), "{body}");
                            assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{body}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn b62_a_pass_tells_the_api_who_calls_and_the_client_what_ends() {
    let passed = answer(&question(), &decision(Reason::Subscribed), BodyFormat::Neutral);
    let Answer::Pass(Pass { identity, lifecycle }) = passed else { panic!("{passed:?}") };
    let identity: Vec<_> = identity.iter().map(|(name, value)| (name, value.map(HeaderText::as_str))).collect();
    assert_eq!(
        identity,
        [
            ("x-devhub-application", Some("app")),
            ("x-devhub-account", None),
            ("x-devhub-api", Some("individuals/losses")),
            ("x-devhub-version", Some("1.0")),
            ("x-devhub-environment", Some("SANDBOX")),
            ("x-devhub-reason", Some("SUBSCRIBED")),
            ("x-devhub-decision", Some("decision-1")),
        ]
    );
    let lifecycle: Vec<_> = lifecycle.iter().map(|header| (header.name, header.value.as_str(), header.join)).collect();
    assert_eq!(
        lifecycle,
        [
            ("Deprecation", "@1767225600", Join::Replace),
            ("Sunset", "Sat, 01 Aug 2026 12:30:45 GMT", Join::Replace),
            ("Link", "<https://x.example/2.0>; rel=\"successor-version\"", Join::Append),
        ]
    );
}

#[test]
fn a_value_that_cannot_stand_in_a_header_is_left_out() {
    let headers = Headers {
        deprecation: Some("@1\r\nSet-Cookie: a=b"),
        sunset: Some("é"),
        link: Some("<https://x.example/\n>; rel=\"sunset\""),
    };
    let decision = Decision { headers, application_id: Some("a\nb"), ..decision(Reason::Subscribed) };
    let question = Question { context: "a\r\nb", ..question() };
    let passed = answer(&question, &decision, BodyFormat::Neutral);
    let Answer::Pass(Pass { identity, lifecycle }) = passed else { panic!("{passed:?}") };
    assert!(lifecycle.is_empty());
    assert_eq!(identity.iter().filter(|(_, value)| value.is_none()).count(), 3, "{identity:?}");
}

#[test]
fn a_denial_says_what_to_do() {
    let successor = VersionName::new("individuals/losses", "2.0");
    let remedy = Remedy {
        action: RemedyAction::WaitForBrownoutEnd,
        successor: Some(&successor),
        successor_namespace: None,
        replacement: None,
        earliest: Some(instant("2026-01-01T00:01:00.001Z")),
    };
    let decision = Decision { remedy: Some(remedy), ..decision(Reason::Brownout) };
    let neutral = denied(answer(&question(), &decision, BodyFormat::Neutral));
    assert_eq!((neutral.status, neutral.code), (DenialStatus::ServiceUnavailable, DenialCode::Unavailable));
    assert_eq!(value(&neutral, "Retry-After"), Some("61"), "not a millisecond too early");
    assert_eq!(value(&neutral, "Content-Type"), Some("application/json"));
    assert_eq!(value(&neutral, "x-devhub-decision"), Some("decision-1"));
    assert_eq!(value(&neutral, "Deprecation"), Some("@1767225600"));
    assert_eq!(value(&neutral, "WWW-Authenticate"), None);
    let said = body(&neutral);
    assert_eq!(said["remedy"]["action"], "WAIT_FOR_BROWNOUT_END");
    assert_eq!(said["remedy"]["successor"], json!({"api": "individuals/losses", "version": "2.0"}));
    assert_eq!(said["remedy"]["earliest"], "2026-01-01T00:01:00.001Z");
    assert_eq!(
        said["decision"],
        json!({
            "id": "decision-1",
            "revision": 7,
            "valid_until": "2026-01-01T00:00:30Z",
            "environment": "SANDBOX",
            "api": "individuals/losses",
            "version": "1.0",
            "stage": "DEPRECATED",
            "application": "app",
        })
    );
    let hmrc = body(&denied(answer(&question(), &decision, BodyFormat::Hmrc)));
    assert_eq!(hmrc["code"], "SERVER_ERROR");
    assert!(hmrc["message"].as_str().is_some_and(|message| message.contains("successor version")), "{hmrc}");
}

#[test]
fn a_call_without_an_identity_is_told_apart_from_one_with_an_unknown_one() {
    for (client_id, code) in [("", "MISSING_CREDENTIALS"), ("client-app", "INVALID_CREDENTIALS")] {
        let question = Question { client_id, ..question() };
        let denial = denied(answer(&question, &decision(Reason::UnknownClient), BodyFormat::Hmrc));
        assert_eq!(body(&denial)["code"], code);
        assert_eq!(value(&denial, "WWW-Authenticate"), Some("Bearer"));
    }
}

#[test]
fn a_call_that_cannot_be_judged_is_denied() {
    for (misread, status, hmrc) in [
        (Misread::OddPath(OddPath::DotSegment), 400, "BAD_REQUEST"),
        (Misread::OddMethod, 400, "BAD_REQUEST"),
        (Misread::UnknownContext, 404, "MATCHING_RESOURCE_NOT_FOUND"),
        (Misread::OutsideBase { base: "/a".into() }, 404, "MATCHING_RESOURCE_NOT_FOUND"),
        (Misread::Accept(AcceptFault::Missing), 406, "ACCEPT_HEADER_INVALID"),
        (Misread::Accept(AcceptFault::Malformed), 406, "ACCEPT_HEADER_INVALID"),
        (Misread::Accept(AcceptFault::Several), 406, "ACCEPT_HEADER_INVALID"),
        (Misread::Accept(AcceptFault::Contradicts), 406, "ACCEPT_HEADER_INVALID"),
        (Misread::RepeatedHeader("x-client-id".into()), 400, "BAD_REQUEST"),
        (Misread::MalformedHeader("x-client-id".into()), 400, "BAD_REQUEST"),
        (Misread::MalformedIdentity, 401, "INVALID_CREDENTIALS"),
        (Misread::Misconfigured { what: "the setting" }, 500, "INTERNAL_SERVER_ERROR"),
    ] {
        let denial = denied(Answer::to_misread(&misread, "decision-1", BodyFormat::Neutral));
        assert_eq!(denial.status.number(), status, "{misread:?}");
        assert!(Misread::NAMES.contains(&misread.name()), "{misread:?} is counted");
        assert_eq!(denial.identity, Identity::NOBODY);
        let said = body(&denial);
        assert_eq!(said["reason"], misread.name());
        assert_eq!(said["decision"], json!({"id": "decision-1"}));
        assert!(!denial.body.contains("the setting"), "what is wrong with a gateway is nobody else's business");
        assert_eq!(body(&denied(Answer::to_misread(&misread, "decision-1", BodyFormat::Hmrc)))["code"], hmrc);
    }
}
