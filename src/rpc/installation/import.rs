//! Installations from another system, as messages.

use devhub_proto::v1;

use crate::domain::Command;
use crate::domain::installation::{Approval, Install, Installed};
use crate::domain::name::Email;
use crate::domain::refusal::Refusal;
use crate::hub::Hub;
use crate::ids;
use crate::rpc::import::Brought;
use crate::rpc::parse::Fields;

impl Brought for v1::InstallationElsewhere {
    type Message = v1::ImportInstallationsRequest;
    type Answer = v1::ImportInstallationsResponse;
    const FIELD: &'static str = "installations";
    const VERB: &'static str = "bring installations from another system";

    fn items(message: v1::ImportInstallationsRequest) -> (Vec<v1::InstallationElsewhere>, bool) {
        (message.installations, message.validate_only)
    }

    /// An installation changes no record but its own.
    fn queue(&self) -> String {
        format!("{} {}", self.application_id, self.company_id)
    }

    fn command(&self, hub: &Hub) -> Result<Command, Refusal> {
        let mut fields = Fields::default();
        let names = super::names(&mut fields, &self.application_id, &self.company_id);
        let version = fields.name("version", &self.version);
        if self.permitted_projects.is_none() {
            fields.violate("permitted_projects", "must be given: all projects, or a list of them");
        }
        let projects = super::projects(&mut fields, self.permitted_projects.as_ref());
        if self.install_time.is_none() {
            fields.violate("install_time", "must be given: since when the application is installed in the company");
        }
        let at = fields.instant("install_time", self.install_time.as_ref());
        let by = match self.installed_by.as_str() {
            "" => None,
            text => match Email::lenient(text) {
                Ok(email) => Some(email),
                Err(error) => {
                    fields.violate("installed_by", error.to_string());
                    None
                }
            },
        };
        let (Some((application, company)), Some(at), true) = (names, at, fields.is_clean()) else {
            return Err(Refusal::InvalidFields(fields.into_violations()));
        };
        Ok(Install {
            application,
            company,
            version,
            projects,
            service_user: ids::service_user(hub.now()),
            // Nobody approves for a company but its administrators, here; a first installation needs no approval.
            approval: Approval::NotGiven,
            installed: Installed::Elsewhere { at, by },
            etag: None,
        }
        .into())
    }

    fn answer(verdicts: Vec<v1::ImportVerdict>) -> v1::ImportInstallationsResponse {
        v1::ImportInstallationsResponse { verdicts }
    }
}
