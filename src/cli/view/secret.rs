//! Secrets of applications, without their texts.

use devhub_proto::v1;
use serde::Serialize;

use super::{or_empty, time};
use crate::cli::output::Row;

/// A secret.
#[derive(Debug, Clone, Serialize)]
pub struct SecretView {
    client_secret_id: String,
    name: String,
    last_four: String,
    create_time: Option<String>,
    created_by: String,
    expire_time: Option<String>,
    expired: bool,
    last_use_hour: Option<String>,
    pepper_id: String,
}

impl From<v1::ClientSecret> for SecretView {
    fn from(secret: v1::ClientSecret) -> SecretView {
        SecretView {
            client_secret_id: secret.client_secret_id,
            name: secret.name,
            last_four: secret.last_four,
            create_time: time(secret.create_time),
            created_by: secret.created_by,
            expire_time: time(secret.expire_time),
            expired: secret.expired,
            last_use_hour: time(secret.last_use_hour),
            pepper_id: secret.pepper_id,
        }
    }
}

impl SecretView {
    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.client_secret_id.clone()),
            ("name", self.name.clone()),
            ("made", or_empty(&self.create_time)),
            ("made by", self.created_by.clone()),
            ("expires", or_empty(&self.expire_time)),
            ("pepper", self.pepper_id.clone()),
        ]
    }
}

impl Row for SecretView {
    const HEADER: &'static [&'static str] = &["ID", "NAME", "ENDS IN", "MADE", "EXPIRES", "LAST USED", "PEPPER"];

    fn cells(&self) -> Vec<String> {
        let expires = or_empty(&self.expire_time);
        vec![
            self.client_secret_id.clone(),
            self.name.clone(),
            format!("...{}", self.last_four),
            or_empty(&self.create_time),
            if self.expired { format!("expired {expires}") } else { expires },
            // The hour is known, not the minute.
            or_empty(&self.last_use_hour),
            self.pepper_id.clone(),
        ]
    }
}
