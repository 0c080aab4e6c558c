//! JSON objects in which nothing is said twice: of two readings of one object, an attacker chooses.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// The members of an object.
#[derive(Debug, Clone)]
pub(super) struct Members(BTreeMap<String, Value>);

impl Members {
    /// The members of the object that `text` is; nothing if it is none, or says something twice.
    pub(super) fn of(text: &[u8]) -> Option<Members> {
        serde_json::from_slice(text).ok()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A member that is a list of texts, at least one and at most `most`.
    pub(super) fn texts(&self, name: &str, most: usize) -> Option<Vec<&str>> {
        let list = self.get(name)?.as_array().filter(|list| (1..=most).contains(&list.len()))?;
        list.iter().map(Value::as_str).collect()
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object that says nothing twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(Members(members))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_map(Object)
    }
}
