//! A restore brings back what was revoked since the backup: until it is confirmed, the hub decides nothing and takes nothing
//! but what takes something away.

use devhub::config::TwoPersonRule;
use devhub_proto::v1;
use tonic::{Code, Status};

use crate::consenting::{OTTO, proposed};
use crate::enduring::admin;
use crate::vault::Vault;
use crate::world::*;

/// Has the hub of a world serve what a backup of it has, from which everything after `backed_up` is missing.
async fn restored(world: &mut World, file: &std::path::Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    world.server.take().unwrap().stop().await.unwrap();
    devhub::store::backup::restore(file, &directory.path().join("data")).unwrap();
    world.config.data_dir = directory.path().join("data");
    world.start_again().await;
    directory
}

impl World {
    /// Asks for the confirmation of a restore.
    pub(crate) async fn confirm_restore(&self, actor: &'static str) -> Result<v1::ConfirmRestoreResponse, Status> {
        let request = v1::ConfirmRestoreRequest {
            reason: "what was revoked since is revoked again".into(),
            later_facts: Some(2),
            ..Default::default()
        };
        Ok(self.approvals(actor).confirm_restore(request).await?.into_inner())
    }

    async fn waits(&self) -> bool {
        self.approvals(OTTO).get_restore(v1::GetRestoreRequest {}).await.unwrap().into_inner().waits
    }

    async fn answer(&self) -> Result<String, String> {
        match self.gateway().authorize(question("app", "1.0")).await {
            Ok(decision) => Ok(words(&decision.into_inner())),
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "nobody is denied what nobody judged: {status:?}");
                Err(reason(&status))
            }
        }
    }
}

#[tokio::test]
async fn a_restored_hub_decides_nothing_until_two_have_confirmed_it() {
    let mut vault = Vault::new().await;
    vault.world.api().await;
    vault.world.version("1.0", v1::Maturity::Stable).await;
    vault.world.subscribe(ADA, "app", "1.0").await.unwrap();
    let made = vault.make(ADA, "Laptop").await.unwrap();
    let (secret, id) = (made.secret, made.client_secret.unwrap().client_secret_id);
    let file = vault.world.directory.path().join("hub.backup");
    devhub::store::backup::create(vault.world.directory.path(), &file).unwrap();
    vault.revoke(ADA, &id).await.unwrap();
    vault.world.unsubscribe(ADA, "app", "1.0", true).await.unwrap();
    assert_eq!(vault.verdict(&secret).await, v1::CredentialVerdict::Invalid);
    vault.world.config.two_person_rule = TwoPersonRule::On;
    let _directory = restored(&mut vault.world, &file).await;

    // What was revoked is back, and nobody gets in by it.
    assert!(vault.world.waits().await);
    assert_eq!(vault.world.answer().await, Err("HUB_NOT_READY".to_owned()));
    let verified = crate::vault::verify(&vault.world, &client("app"), &secret).await;
    assert_eq!(refused(verified), "RESTORE_UNCONFIRMED");
    let ready = admin(vault.world.server().admin_address, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.contains("restored"), "{ready}");
    assert_eq!(refused(vault.world.subscribe(ADA, "app", "1.0").await), "RESTORE_UNCONFIRMED");
    let application = vault.world.application_with("new-app", |_| {}).await;
    assert_eq!(refused(application), "RESTORE_UNCONFIRMED");
    // What was taken away can be taken away again, and reading goes on.
    assert_eq!(vault.list().await.len(), 1);
    vault.revoke(ADA, &id).await.unwrap();

    let proposal = proposed(vault.world.confirm_restore(OPERATOR).await);
    assert_eq!(refused(vault.world.approve(OPERATOR, &proposal).await), "WRONG_PERSON");
    assert_eq!(vault.world.answer().await, Err("HUB_NOT_READY".to_owned()));
    // A restart is no way around it.
    vault.world.restart().await;
    assert_eq!(vault.world.answer().await, Err("HUB_NOT_READY".to_owned()));
    vault.world.approve(OTTO, &proposal).await.unwrap();
    assert!(!vault.world.waits().await);
    assert_eq!(vault.world.answer().await, Ok("ALLOW SUBSCRIBED".to_owned()), "as the backup has it");
    assert_eq!(vault.verdict(&secret).await, v1::CredentialVerdict::Invalid, "revoked again");
    assert!(admin(vault.world.server().admin_address, "/readyz").await.starts_with("HTTP/1.1 200 "));
    let fact = &vault.facts(v1::FactKind::RestoreConfirmed).await[0];
    let said =
        |field: &str| fact.changes.iter().find(|change| change.field == field).map(|change| change.after.clone());
    assert_eq!((fact.actor.as_str(), said("approved_by").as_deref()), (OPERATOR, Some(OTTO)));
    assert_eq!(said("later_facts").as_deref(), Some("2"));
    vault.world.restart().await;
    assert_eq!(vault.world.answer().await, Ok("ALLOW SUBSCRIBED".to_owned()));
    assert_eq!(refused(vault.world.confirm_restore(OPERATOR).await), "NOTHING_TO_DO");
}

#[tokio::test]
async fn a_hub_that_was_confirmed_and_is_restored_again_waits_again() {
    let mut world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let file = world.directory.path().join("first.backup");
    devhub::store::backup::create(world.directory.path(), &file).unwrap();
    let first = restored(&mut world, &file).await;
    // Where nobody is proven, there are no two: one confirms.
    assert_eq!(world.answer().await, Err("HUB_NOT_READY".to_owned()));
    assert_eq!(refused(world.confirm_restore(ADA).await), "OPERATOR_REQUIRED");
    world.confirm_restore(OPERATOR).await.unwrap();
    assert_eq!(world.answer().await, Ok("ALLOW SUBSCRIBED".to_owned()));
    let file = first.path().join("second.backup");
    devhub::store::backup::create(&first.path().join("data"), &file).unwrap();
    let _second = restored(&mut world, &file).await;
    assert_eq!(world.answer().await, Err("HUB_NOT_READY".to_owned()));
    world.confirm_restore(OPERATOR).await.unwrap();
    assert_eq!(world.answer().await, Ok("ALLOW SUBSCRIBED".to_owned()));
}
