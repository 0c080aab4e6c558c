//! Public keys of applications.

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;

/// A key.
#[derive(Debug, Clone, Serialize)]
pub struct KeyView {
    key_id: String,
    name: String,
    algorithm: String,
    jwk: String,
    create_time: Option<String>,
    created_by: String,
    expire_time: Option<String>,
    expired: bool,
    last_use_hour: Option<String>,
}

impl From<v1::Key> for KeyView {
    fn from(key: v1::Key) -> KeyView {
        KeyView {
            key_id: key.key_id,
            name: key.name,
            algorithm: key.algorithm,
            jwk: key.jwk,
            create_time: time(key.create_time),
            created_by: key.created_by,
            expire_time: time(key.expire_time),
            expired: key.expired,
            last_use_hour: time(key.last_use_hour),
        }
    }
}

impl KeyView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.key_id.clone()),
            ("", "what signs with its other half names this id as kid".to_owned()),
            ("name", self.name.clone()),
            ("algorithm", self.algorithm.clone()),
            ("registered", or_empty(&self.create_time)),
            ("registered by", self.created_by.clone()),
            ("expires", or_empty(&self.expire_time)),
        ]
    }
}

impl Row for KeyView {
    const HEADER: &'static [&'static str] = &["ID", "NAME", "ALGORITHM", "REGISTERED", "EXPIRES", "LAST USED"];

    fn cells(&self) -> Vec<String> {
        let expires = or_empty(&self.expire_time);
        vec![
            self.key_id.clone(),
            self.name.clone(),
            self.algorithm.clone(),
            or_empty(&self.create_time),
            if self.expired { format!("expired {expires}") } else { expires },
            or_empty(&self.last_use_hour),
        ]
    }
}
