//! Applications that are deleted because nobody uses them.

use devhub_proto::v1;
use serde::Serialize;

use super::{environment, or_empty, time};
use crate::cli::output::Row;

/// The announced deletion of an application.
#[derive(Debug, Clone, Serialize)]
pub struct DisuseView {
    idle_since: Option<String>,
    announce_time: Option<String>,
    delete_time: Option<String>,
}

impl From<v1::Disuse> for DisuseView {
    fn from(disuse: v1::Disuse) -> DisuseView {
        DisuseView {
            idle_since: time(disuse.idle_since),
            announce_time: time(disuse.announce_time),
            delete_time: time(disuse.delete_time),
        }
    }
}

impl DisuseView {
    /// In one line, for people.
    pub fn text(&self) -> String {
        let (idle_since, delete_time) = (or_empty(&self.idle_since), or_empty(&self.delete_time));
        format!("not used since {idle_since}; deleted on {delete_time} unless it is used before")
    }
}

/// An application that is to be deleted.
#[derive(Debug, Clone, Serialize)]
pub struct UnusedView {
    application_id: String,
    name: String,
    environment: String,
    owner: String,
    #[serde(flatten)]
    disuse: Option<DisuseView>,
}

impl From<v1::Application> for UnusedView {
    fn from(application: v1::Application) -> UnusedView {
        UnusedView {
            application_id: application.application_id,
            name: application.name,
            environment: environment(application.environment),
            owner: application.owner,
            disuse: application.disuse.map(DisuseView::from),
        }
    }
}

impl Row for UnusedView {
    const HEADER: &'static [&'static str] =
        &["DELETED ON", "APPLICATION", "NAME", "ENVIRONMENT", "OWNER", "NOT USED SINCE", "ANNOUNCED"];

    fn cells(&self) -> Vec<String> {
        let of = |part: fn(&DisuseView) -> &Option<String>| {
            self.disuse.as_ref().map(|disuse| or_empty(part(disuse))).unwrap_or_default()
        };
        vec![
            of(|disuse| &disuse.delete_time),
            self.application_id.clone(),
            self.name.clone(),
            self.environment.clone(),
            self.owner.clone(),
            of(|disuse| &disuse.idle_since),
            of(|disuse| &disuse.announce_time),
        ]
    }
}
