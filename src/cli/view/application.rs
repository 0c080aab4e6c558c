//! Applications.

use devhub_proto::v1;
use serde::Serialize;

use super::unused::DisuseView;
use super::{environment, or_empty, time};
use crate::cli::output::Row;
use crate::cli::words::wire_name;

/// An application.
#[derive(Debug, Clone, Serialize)]
pub struct ApplicationView {
    application_id: String,
    client_id: String,
    name: String,
    description: String,
    environment: String,
    owner: String,
    kind: String,
    persona: String,
    state: String,
    collaborators: Vec<CollaboratorView>,
    blocked: bool,
    deletion_restriction: String,
    create_time: Option<String>,
    delete_time: Option<String>,
    restorable_until: Option<String>,
    uplifted_from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    disuse: Option<DisuseView>,
    etag: String,
}

#[derive(Debug, Clone, Serialize)]
struct CollaboratorView {
    email: String,
    role: String,
}

impl From<v1::Application> for ApplicationView {
    fn from(application: v1::Application) -> ApplicationView {
        let collaborators = application.collaborators.into_iter().map(|person| CollaboratorView {
            role: wire_name(person.role, v1::Role::as_str_name, "ROLE_"),
            email: person.email,
        });
        ApplicationView {
            application_id: application.application_id,
            client_id: application.client_id,
            name: application.name,
            description: application.description,
            environment: environment(application.environment),
            owner: application.owner,
            kind: wire_name(application.kind, v1::ApplicationKind::as_str_name, "APPLICATION_KIND_"),
            persona: wire_name(application.persona, v1::Persona::as_str_name, "PERSONA_"),
            state: wire_name(application.state, v1::ApplicationState::as_str_name, "APPLICATION_STATE_"),
            collaborators: collaborators.collect(),
            blocked: application.blocked,
            deletion_restriction: application.deletion_restriction,
            create_time: time(application.create_time),
            delete_time: time(application.delete_time),
            restorable_until: time(application.restorable_until),
            uplifted_from: application.uplifted_from,
            disuse: application.disuse.map(DisuseView::from),
            etag: application.etag,
        }
    }
}

impl ApplicationView {
    fn state_text(&self) -> String {
        if self.blocked { format!("{} (blocked)", self.state) } else { self.state.clone() }
    }

    /// Its fields, for people.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let people = self.collaborators.iter().map(|person| format!("{} ({})", person.email, person.role));
        vec![
            ("application", self.application_id.clone()),
            ("client id", self.client_id.clone()),
            ("name", self.name.clone()),
            ("description", self.description.clone()),
            ("environment", self.environment.clone()),
            ("owner", self.owner.clone()),
            ("kind", self.kind.clone()),
            ("persona", self.persona.clone()),
            ("state", self.state_text()),
            ("collaborators", people.collect::<Vec<_>>().join("\n")),
            ("not deletable", self.deletion_restriction.clone()),
            ("registered", or_empty(&self.create_time)),
            ("deleted", or_empty(&self.delete_time)),
            ("restorable until", or_empty(&self.restorable_until)),
            ("uplifted from", self.uplifted_from.clone()),
            ("unused", self.disuse.as_ref().map(DisuseView::text).unwrap_or_default()),
            ("etag", self.etag.clone()),
        ]
    }
}

impl Row for ApplicationView {
    const HEADER: &'static [&'static str] = &["APPLICATION", "NAME", "ENVIRONMENT", "OWNER", "KIND", "STATE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.application_id.clone(),
            self.name.clone(),
            self.environment.clone(),
            self.owner.clone(),
            self.kind.clone(),
            self.state_text(),
        ]
    }
}
