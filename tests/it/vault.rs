//! A hub with peppers, and what is asked of its CredentialService.

use std::path::PathBuf;

use devhub::secret;
use devhub_proto::v1;
use tonic::Status;

use crate::world::*;

/// A world with peppers, which lie elsewhere than its data.
pub(crate) struct Vault {
    pub(crate) world: World,
    pub(crate) peppers: PathBuf,
    _directory: tempfile::TempDir,
}

impl Vault {
    /// The usual world, with peppers.
    pub(crate) async fn new() -> Vault {
        let directory = tempfile::tempdir().unwrap();
        let peppers = directory.path().join("peppers");
        secret::create(&peppers).unwrap();
        let world = World::with(|config| config.pepper_file = Some(peppers.clone())).await;
        world.application("app").await;
        Vault { world, peppers, _directory: directory }
    }

    pub(crate) async fn make(&self, actor: &'static str, name: &str) -> Result<v1::CreateClientSecretResponse, Status> {
        create(&self.world, actor, asked(name)).await
    }

    pub(crate) async fn revoke(&self, actor: &'static str, id: &str) -> Result<v1::RevokeClientSecretResponse, Status> {
        let request = v1::RevokeClientSecretRequest {
            application_id: "app".into(),
            client_secret_id: id.into(),
            ..Default::default()
        };
        Ok(self.world.credentials(actor).revoke_client_secret(request).await?.into_inner())
    }

    pub(crate) async fn list(&self) -> Vec<v1::ClientSecret> {
        let request = v1::ListClientSecretsRequest { application_id: "app".into(), ..Default::default() };
        self.world.credentials("").list_client_secrets(request).await.unwrap().into_inner().client_secrets
    }

    pub(crate) async fn verify(&self, client_id: &str, secret: &str) -> v1::VerifyCredentialsResponse {
        verify(&self.world, client_id, secret).await.unwrap()
    }

    pub(crate) async fn verdict(&self, secret: &str) -> v1::CredentialVerdict {
        self.verify(&client("app"), secret).await.verdict()
    }

    pub(crate) async fn facts(&self, kind: v1::FactKind) -> Vec<v1::Fact> {
        self.world.all_facts(v1::FactFilter { kinds: vec![kind.into()], ..Default::default() }).await
    }
}

pub(crate) fn asked(name: &str) -> v1::CreateClientSecretRequest {
    v1::CreateClientSecretRequest { application_id: "app".into(), name: name.into(), ..Default::default() }
}

pub(crate) async fn create(
    world: &World,
    actor: &'static str,
    request: v1::CreateClientSecretRequest,
) -> Result<v1::CreateClientSecretResponse, Status> {
    Ok(world.credentials(actor).create_client_secret(request).await?.into_inner())
}

pub(crate) async fn verify(
    world: &World,
    client_id: &str,
    secret: &str,
) -> Result<v1::VerifyCredentialsResponse, Status> {
    let request =
        v1::VerifyCredentialsRequest { client_id: client_id.into(), secret: secret.into(), ..Default::default() };
    Ok(world.credentials("").verify_credentials(request).await?.into_inner())
}

pub(crate) fn id(made: &v1::CreateClientSecretResponse) -> String {
    made.client_secret.as_ref().unwrap().client_secret_id.clone()
}
