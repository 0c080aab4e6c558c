//! The bytes of replies: what Envoy reads, read without the types that wrote them.

use devhub_decision::{Environment, Headers as Lifecycle, Reason, Remedy, RemedyAction, Stage};
use prost::Message;

use super::*;
use crate::gateway::answer::BodyFormat;
use crate::gateway::request::{AcceptFault, OddPath};

/// A field of an encoded message.
#[derive(Debug, PartialEq)]
enum Field<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

fn number(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().expect("a whole number");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return value;
        }
    }
}

/// The fields of an encoded message, in their order.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(number(&mut bytes)),
            2 => {
                let length = usize::try_from(number(&mut bytes)).expect("a length");
                let (field, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(field)
            }
            kind => panic!("wire type {kind} stands in no reply at this level"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

/// The bytes of the one field of this number.
fn message<'b>(fields: &[(u64, Field<'b>)], wanted: u64) -> Option<&'b [u8]> {
    let mut found = fields.iter().filter(|(number, _)| *number == wanted);
    let first = found.next()?;
    assert!(found.next().is_none(), "field {wanted} stands there twice");
    match first {
        (_, Field::Bytes(bytes)) => Some(bytes),
        (_, Field::Number(_)) => panic!("field {wanted} is no message"),
    }
}

/// The number in the one field of this number; 0 is not written.
fn scalar(fields: &[(u64, Field<'_>)], wanted: u64) -> u64 {
    match fields.iter().find(|(number, _)| *number == wanted) {
        Some((_, Field::Number(value))) => *value,
        Some((_, Field::Bytes(_))) => panic!("field {wanted} is no number"),
        None => 0,
    }
}

/// Holds the value of a header to visible ASCII.
fn check_value(header: &[(u64, Field<'_>)]) {
    let value = message(header, 2).expect("a value");
    assert!(!value.is_empty() && value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '), "{value:?}");
}

/// Holds a reply to what Envoy needs to read it as it is meant: the whole of it, from its bytes.
fn check(reply: &v3::CheckResponse, allows: bool, expected_status: u16) {
    let bytes = reply.encode_to_vec();
    assert!(!bytes.is_empty(), "an empty reply is an allow");
    let reply = fields(&bytes);
    let status = fields(message(&reply, 1).expect("a reply without a status is an allow"));
    let code = scalar(&status, 1);
    let (denied, passed, error) = (message(&reply, 2), message(&reply, 3), message(&reply, 5));
    assert_eq!(error, None, "old versions of Envoy do not know it");
    if allows {
        assert_eq!((code, denied), (0, None));
        let passed = fields(passed.expect("an allow has headers"));
        // Every name of ours is set or removed, exactly once, and replaces whatever is there.
        let mut named: Vec<String> = Vec::new();
        for (number, field) in &passed {
            let Field::Bytes(field) = field else { panic!("field {number} is a number") };
            match number {
                2 => {
                    let option = fields(field);
                    assert_eq!(scalar(&option, 3), 2, "a client's own value is replaced");
                    let header = fields(message(&option, 1).expect("a header"));
                    named.push(String::from_utf8(message(&header, 1).expect("a name").to_vec()).expect("a name"));
                    check_value(&header);
                }
                5 => named.push(String::from_utf8(field.to_vec()).expect("a name")),
                6 => {
                    let option = fields(field);
                    let header = fields(message(&option, 1).expect("a header"));
                    let action = if message(&header, 1) == Some(b"link") { 0 } else { 2 };
                    assert_eq!(scalar(&option, 3), action, "dates are replaced, links added");
                    check_value(&header);
                }
                other => panic!("field {other}"),
            }
        }
        named.sort();
        let mut owned = crate::gateway::answer::IDENTITY.map(str::to_owned);
        owned.sort();
        assert_eq!(named, owned);
    } else {
        assert!((1..=16).contains(&code), "a status of OK is an allow, whatever else a reply says");
        assert_eq!(passed, None);
        let denied = fields(denied.expect("a denial has a response"));
        let status = scalar(&fields(message(&denied, 1).expect("a denial has a status")), 1);
        assert!((400..=599).contains(&status), "{status} would be taken for a success");
        assert_eq!(status, u64::from(expected_status));
        assert!(message(&denied, 3).is_some_and(|body| body.starts_with(b"{\"")), "a denial has a body");
    }
    let said = fields(message(&reply, 4).expect("access logs have something to say"));
    assert!(said.len() >= 3);
}

#[test]
fn b63_the_bytes_of_every_reply_say_what_is_meant() {
    let question = Question {
        client_id: "client-app",
        context: "hello",
        label: "1.0",
        environment: Environment::Production,
        operation: None,
        company: None,
        project: None,
    };
    let now = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let nothing = Lifecycle::NONE;
    let everything =
        Lifecycle { deprecation: Some("@1"), sunset: Some("Thu, 01 Jan 2026 00:00:00 GMT"), link: Some("<https://x>") };
    let remedy = Remedy {
        action: RemedyAction::AskOperator,
        successor: None,
        successor_namespace: None,
        replacement: None,
        earliest: Some(now),
    };
    for reason in Reason::ALL {
        for body in BodyFormat::ALL {
            // The least and the most that a decision can have.
            for (stage, application_id, headers, remedy) in
                [(None, None, nothing, None), (Some(Stage::Deprecated), Some("app"), everything, Some(remedy))]
            {
                let decision = Decision {
                    reason,
                    stage,
                    application_id,
                    account_id: application_id,
                    credential_ends_at: None,
                    valid_until: now,
                    remedy,
                    headers,
                    successor: None,
                    successor_namespace: None,
                    replacement: None,
                    days_left: None,
                    revision: 0,
                };
                for question in [question, Question { client_id: "", ..question }] {
                    let ruling = Ruling { question: &question, decision: &decision, id: "decision", now };
                    let reply = reply(Answer::to(&ruling, body), said("decision", &question, &decision));
                    check(&reply, reason.allows(), reason.http_status());
                }
            }
        }
    }
}

#[test]
fn the_bytes_of_every_refusal_to_judge_are_those_of_a_denial() {
    for (misread, status) in [
        (Misread::OddPath(OddPath::EmptySegment), 400),
        (Misread::OddMethod, 400),
        (Misread::UnknownContext, 404),
        (Misread::OutsideBase { base: "/a".into() }, 404),
        (Misread::Accept(AcceptFault::Missing), 406),
        (Misread::Accept(AcceptFault::Malformed), 406),
        (Misread::Accept(AcceptFault::Several), 406),
        (Misread::Accept(AcceptFault::Contradicts), 406),
        (Misread::RepeatedHeader("x-client-id".into()), 400),
        (Misread::MalformedHeader("x-client-id".into()), 400),
        (Misread::MalformedIdentity, 401),
        (Misread::Misconfigured { what: "it" }, 500),
    ] {
        for body in BodyFormat::ALL {
            let answer = Answer::to_misread(&misread, "decision", body);
            check(&reply(answer, said_of_misread("decision", &misread)), false, status);
        }
    }
}

#[test]
fn what_must_not_be_sent_would_be_an_allow() {
    // The reason for all the care: this is what a reply is that nobody filled in.
    assert!(v3::CheckResponse::default().encode_to_vec().is_empty());
}
