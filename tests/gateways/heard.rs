//! What an answer that came through a gateway says: its body, the hub's reason, what reached the API.

use crate::http::Answer;

/// The body.
pub(crate) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// The reason in the hub's body.
pub(crate) fn reason(answer: &Answer) -> String {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
    body["reason"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// The values of a header that reached the API.
pub(crate) fn reached(answer: &Answer, name: &str) -> Vec<String> {
    let head = text(answer);
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
}
