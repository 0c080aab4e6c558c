//! Accounts from another system, as messages.

use devhub_proto::v1;

use crate::domain::Command;
use crate::domain::name::ClientId;
use crate::domain::refusal::Refusal;
use crate::domain::register::ClientIdOrigin;
use crate::domain::service_account::{CreateServiceAccount, Created, TEXT_CHARS_MAX};
use crate::hub::Hub;
use crate::ids;
use crate::rpc::import::Brought;
use crate::rpc::parse::Fields;

impl Brought for v1::ServiceAccount {
    type Message = v1::ImportServiceAccountsRequest;
    type Answer = v1::ImportServiceAccountsResponse;
    const FIELD: &'static str = "accounts";
    const VERB: &'static str = "bring service accounts from another system";

    fn items(message: v1::ImportServiceAccountsRequest) -> (Vec<v1::ServiceAccount>, bool) {
        (message.accounts, message.validate_only)
    }

    /// Each account of a company changes the company's record.
    fn queue(&self) -> String {
        self.company_id.clone()
    }

    fn command(&self, _: &Hub) -> Result<Command, Refusal> {
        let mut fields = Fields::default();
        let company = fields.name("company_id", &self.company_id);
        let client_id = fields.name::<ClientId>("client_id", &self.client_id);
        let id = fields.name_or_none("account_id", &self.account_id);
        let name = fields.needed_text("name", &self.name, TEXT_CHARS_MAX);
        let account_type = super::account_type(&mut fields, "account_type", self.account_type.as_ref());
        let permissions = super::permissions(&mut fields, "permissions", self.permissions.as_ref());
        if self.create_time.is_none() {
            fields.violate("create_time", "must be given: since when the account exists in the other system");
        }
        let created = fields.instant("create_time", self.create_time.as_ref());
        let (Some(company), Some(client_id), Some(created), true) = (company, client_id, created, fields.is_clean())
        else {
            return Err(Refusal::InvalidFields(fields.into_violations()));
        };
        Ok(CreateServiceAccount {
            id: id.unwrap_or_else(|| ids::brought_account(&client_id)),
            client_id,
            client_id_origin: ClientIdOrigin::Brought,
            company,
            name,
            account_type,
            permissions,
            created: Created::Elsewhere(created),
        }
        .into())
    }

    fn answer(verdicts: Vec<v1::ImportVerdict>) -> v1::ImportServiceAccountsResponse {
        v1::ImportServiceAccountsResponse { verdicts }
    }
}
