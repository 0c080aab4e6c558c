//! Bodies of denials: JSON on one line, in a neutral format or in HMRC's.

use std::fmt;
use std::str::FromStr;

use chrono::SecondsFormat;
use devhub_decision::{Remedy, VersionName};
use serde::Serialize;

use super::Ruling;

/// How the bodies of denials are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// Reason, sentence, remedy, and the facts of the decision.
    Neutral,
    /// `code` and `message`, as HMRC's gateway writes them.
    Hmrc,
}

impl BodyFormat {
    /// All of them.
    pub const ALL: [BodyFormat; 2] = [BodyFormat::Neutral, BodyFormat::Hmrc];

    /// The name used in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            BodyFormat::Neutral => "neutral",
            BodyFormat::Hmrc => "hmrc",
        }
    }
}

impl fmt::Display for BodyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for BodyFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<BodyFormat, ()> {
        BodyFormat::ALL.into_iter().find(|known| known.name() == text).ok_or(())
    }
}

#[derive(Serialize)]
struct Hmrc<'a> {
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Neutral<'a> {
    reason: &'a str,
    message: &'a str,
    remedy: Option<Way<'a>>,
    decision: Facts<'a>,
}

#[derive(Serialize)]
struct Way<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<Version<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor_namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<Operation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest: Option<String>,
}

#[derive(Serialize)]
struct Version<'a> {
    api: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Operation<'a> {
    api: &'a str,
    version: &'a str,
    method: &'a str,
    path: &'a str,
}

#[derive(Serialize)]
struct Facts<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
}

fn version(name: &VersionName) -> Version<'_> {
    Version { api: &name.context, version: &name.label }
}

fn way<'a>(remedy: &Remedy<'a>) -> Way<'a> {
    Way {
        action: Some(remedy.action.name()),
        sentence: remedy.sentence(),
        successor: remedy.successor.map(version),
        successor_namespace: remedy.successor_namespace,
        replacement: remedy.replacement.map(|replacement| Operation {
            api: &replacement.version.context,
            version: &replacement.version.label,
            method: &replacement.method,
            path: &replacement.path,
        }),
        earliest: remedy.earliest.map(|instant| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    }
}

/// The body of a denial that was judged.
pub(super) fn of_decision(format: BodyFormat, ruling: &Ruling<'_>, hmrc: &str, sentence: &str) -> String {
    let decision = ruling.decision;
    let remedy = decision.remedy.as_ref().map(way);
    let question = ruling.question;
    written(format, remedy, hmrc, sentence, |remedy| Neutral {
        reason: decision.reason.name(),
        message: sentence,
        remedy,
        decision: Facts {
            id: ruling.id,
            revision: Some(decision.revision),
            valid_until: Some(decision.valid_until.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            environment: Some(question.environment.name()),
            api: Some(question.context),
            version: Some(question.label),
            stage: decision.stage.map(devhub_decision::Stage::name),
            application: decision.application_id,
            account: decision.account_id,
        },
    })
}

/// The body of a denial of a call that could not be judged.
pub(super) fn of_misread(
    format: BodyFormat,
    id: &str,
    reason: &str,
    hmrc: &str,
    sentence: &str,
    remedy: &str,
) -> String {
    let way = Way {
        action: None,
        sentence: remedy.to_owned(),
        successor: None,
        successor_namespace: None,
        replacement: None,
        earliest: None,
    };
    written(format, Some(way), hmrc, sentence, |remedy| Neutral {
        reason,
        message: sentence,
        remedy,
        decision: Facts {
            id,
            revision: None,
            valid_until: None,
            environment: None,
            api: None,
            version: None,
            stage: None,
            application: None,
            account: None,
        },
    })
}

fn written<'a>(
    format: BodyFormat,
    remedy: Option<Way<'a>>,
    hmrc: &str,
    sentence: &str,
    neutral: impl FnOnce(Option<Way<'a>>) -> Neutral<'a>,
) -> String {
    let written = match format {
        BodyFormat::Hmrc => {
            let remedy = remedy.map(|remedy| format!(" {}", remedy.sentence)).unwrap_or_default();
            serde_json::to_string(&Hmrc { code: hmrc, message: &format!("{sentence}{remedy}") })
        }
        BodyFormat::Neutral => serde_json::to_string(&neutral(remedy)),
    };
    written.expect("text and numbers are always JSON")
}
