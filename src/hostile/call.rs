//! A call as a gateway tells of it: the client chose everything but what the route pins.

use std::str::from_utf8;

use devhub_decision::Environment;

use crate::gateway::request::{Call, Headers, PathUse, Pinned, Reading, Source, Stranger};

/// How endpoints may be configured: by what the path is read for, and where identities come from.
fn readings() -> Vec<Reading> {
    let identities = ["header:x-client-id", "principal", "claim:jwt.client_id"].map(|source| source.parse::<Source>());
    let reading = |path| Reading {
        identity: identities.iter().flatten().cloned().collect(),
        environment: Some(Environment::Sandbox),
        path,
        path_bytes_max: 2048,
        vendor: "hmrc".parse().ok(),
        default_version: None,
        company_header: "procore-company-id".into(),
        project_header: Some("procore-project-id".into()),
    };
    PathUse::ALL.map(reading).into()
}

/// A request: its first line is the method, its second the target, each further one a header. A question that is made of
/// it is about a path that can be read in one way only, and about a caller that the headers name once.
pub(super) fn call(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut word = || lines.next().and_then(|line| from_utf8(line).ok()).unwrap_or_default();
    let (method, target) = (word(), word());
    let headers: Headers<'_> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii()))
        })
        .collect();
    for reading in readings() {
        for pinned in [Pinned::default(), Pinned { context: Some("hello"), version: Some("1.0"), ..Pinned::default() }]
        {
            let call = Call { method, target, headers: headers.clone(), pinned, caller: &Stranger };
            let Ok(question) = reading.read(&call, &|context, _| context == "hello" || context == "hello/world") else {
                continue;
            };
            assert!(question.context.starts_with("hello"), "{question:?}");
            if let Some(operation) = question.operation {
                let path = operation.path.to_ascii_lowercase();
                let mut segments = path.split('/');
                assert!(segments.all(|segment| segment != "." && segment != ".."), "{question:?}");
                let odd = ["//", "%2f", "%5c", "%2e", "%00", "\\", ";", "?", "#"];
                assert!(!odd.iter().any(|odd| path.trim_end_matches('/').contains(odd)), "{question:?}");
            }
            let client = question.client_id;
            if !client.is_empty() {
                let named = headers.all("x-client-id").filter(|value| value.trim_ascii() == client.as_bytes()).count();
                assert_eq!(named, 1, "{question:?}");
            }
        }
    }
}
