//! Signed heads: what the hub attests while it runs, and what it notices when its own journal is not the one any more.

use std::path::PathBuf;
use std::sync::Arc;

use devhub::audit::{Reader, Sealer, TrailError, create, export, read_heads, read_key, read_public, verify};
use devhub::config::Signing;
use devhub::domain::actor::Actor;
use devhub::domain::approve::{Block, SetBlocked};
use devhub::hub::{Hub, Request};
use devhub::server::Server;
use devhub::store::Store;
use devhub::store::embedded::{Embedded, Options};
use devhub_proto::v1;
use devhub_proto::v1::audit_service_client::AuditServiceClient;

use crate::racing::rules;
use crate::world::*;

/// A world that signs heads; key and heads lie elsewhere than its data.
struct Notary {
    world: World,
    key: PathBuf,
    heads: PathBuf,
    _directory: tempfile::TempDir,
}

impl Notary {
    async fn new() -> Notary {
        let directory = tempfile::tempdir().unwrap();
        let (key, heads) = (directory.path().join("key"), directory.path().join("heads"));
        create(&key).unwrap();
        let signing = Signing { key_file: key.clone(), heads_file: heads.clone(), commits: 1_000_000, seconds: 86_400 };
        let world = World::with(|config| config.audit.signing = Some(signing)).await;
        world.api().await;
        world.version("1.0", v1::Maturity::Stable).await;
        world.application("app").await;
        Notary { world, key, heads, _directory: directory }
    }

    async fn latest(&self) -> v1::GetAuditHeadResponse {
        let mut client = AuditServiceClient::new(self.world.channel.clone());
        client.get_audit_head(v1::GetAuditHeadRequest {}).await.unwrap().into_inner()
    }

    fn sealer(&self, store: Arc<dyn Store>) -> Sealer {
        Sealer::open(store, read_key(&self.key).unwrap(), self.heads.clone()).unwrap()
    }
}

#[tokio::test]
async fn a_hub_signs_what_a_trail_is_verified_with() {
    let mut notary = Notary::new().await;
    notary.world.subscribe(ADA, "app", "1.0").await.unwrap();
    let revision = notary.world.hub().store().head().revision;
    notary.world.restart().await;
    let heads = read_heads(&notary.heads).unwrap();
    let last = heads.last().unwrap();
    assert_eq!((last.head.sequence, last.head.epoch), (revision, notary.world.hub().history()));
    let answer = notary.latest().await;
    let shown = answer.head.unwrap();
    assert!(answer.signing && answer.trouble.is_empty());
    assert_eq!((shown.sequence, shown.signature), (revision, devhub::audit::hex(&last.signature)));
    let file = notary.world.directory.path().join("trail");
    let key = read_key(&notary.key).unwrap();
    export(notary.world.directory.path(), &file, key.salts(), &[], String::new(), start()).unwrap();
    let public = read_public(&notary.key.with_extension("pub")).unwrap();
    let verified = verify(&mut Reader::open(&file).unwrap(), &heads, &[public]).unwrap();
    assert_eq!((verified.attested, verified.counts.sequence), (Some(revision), revision));
    // Without a commit in between, no further head is signed.
    notary.world.restart().await;
    assert_eq!(read_heads(&notary.heads).unwrap(), heads);
}

#[tokio::test]
async fn a_hub_without_a_key_signs_nothing_and_says_so() {
    let world = World::usual().await;
    let mut client = AuditServiceClient::new(world.channel.clone());
    let answer = client.get_audit_head(v1::GetAuditHeadRequest {}).await.unwrap().into_inner();
    assert_eq!(answer, v1::GetAuditHeadResponse::default());
}

#[tokio::test]
async fn a_key_that_is_copied_with_the_data_is_refused() {
    let mut notary = Notary::new().await;
    notary.world.server.take().unwrap().stop().await.unwrap();
    for within in ["audit_key_file", "audit_heads_file"] {
        let mut config = notary.world.config.clone();
        let place = notary.world.directory.path().join("within");
        let signing = config.audit.signing.as_mut().unwrap();
        match within {
            "audit_key_file" => signing.key_file = place,
            _ => signing.heads_file = place,
        }
        let started = Server::start(&config, Arc::new(notary.world.clock.clone())).await;
        let sentence = format!("{:#}", started.err().unwrap());
        assert!(sentence.contains(within) && sentence.contains("keep it elsewhere"), "{sentence}");
    }
}

/// Blocks an application or permits it again: commits of one kind, so that a second history can be as long as the first.
async fn set_blocked(hub: &Hub, block: Block) {
    let operator: Actor = OPERATOR.parse().unwrap();
    let command = SetBlocked { id: "app".parse().unwrap(), block, reason: "a test".into(), etag: None };
    hub.execute(operator, command.into(), Request::once()).await.unwrap();
}

#[tokio::test]
async fn a_hub_notices_that_its_journal_was_cut_or_written_anew() {
    let mut notary = Notary::new().await;
    notary.world.server.take().unwrap().stop().await.unwrap();
    // The first may have been signed in between.
    let before = read_heads(&notary.heads).unwrap().len();
    let (data, cut) = (notary.world.directory.path().to_owned(), tempfile::tempdir().unwrap());
    let written = tempfile::tempdir().unwrap();
    copy(&data, cut.path());
    copy(&data, written.path());
    let open = |directory: &std::path::Path| -> (Arc<dyn Store>, Hub) {
        let store: Arc<dyn Store> = Arc::new(Embedded::open(directory, Options::default()).unwrap());
        let hub = Hub::open(Arc::clone(&store), rules(), Arc::new(notary.world.clock.clone())).unwrap();
        (store, hub)
    };
    let (store, hub) = open(&data);
    set_blocked(&hub, Block::Set).await;
    let mut sealer = notary.sealer(store);
    let head = sealer.seal(start()).unwrap().unwrap();
    assert_eq!(sealer.seal(start()).unwrap(), None, "nothing new");
    set_blocked(&hub, Block::Lifted).await;
    assert_eq!(sealer.seal(start()).unwrap().unwrap().head.sequence, head.head.sequence + 1);

    let (store, _hub) = open(cut.path());
    let mut sealer = notary.sealer(store);
    let error = sealer.seal(start()).unwrap_err();
    assert!(matches!(error, TrailError::Unattested { .. }) && error.to_string().contains("cut off"), "{error}");
    assert_eq!(sealer.standing().trouble(), Some(error.to_string()));

    let (store, hub) = open(written.path());
    notary.world.clock.advance(days(1));
    set_blocked(&hub, Block::Set).await;
    set_blocked(&hub, Block::Lifted).await;
    let error = notary.sealer(store).seal(start()).unwrap_err();
    assert_eq!(error.sequence(), Some(head.head.sequence), "the first head that is not true: {error}");
    assert!(error.to_string().contains("computed anew"), "{error}");
    assert_eq!(read_heads(&notary.heads).unwrap().len(), before + 2, "nothing is signed that is not true");
}

#[tokio::test]
async fn a_head_that_a_crash_has_cut_is_left_out_and_written_over() {
    let mut notary = Notary::new().await;
    notary.world.server.take().unwrap().stop().await.unwrap();
    let whole = std::fs::read(&notary.heads).unwrap();
    let heads = read_heads(&notary.heads).unwrap();
    let half = &whole[..whole.len() / 2 / heads.len()];
    std::fs::write(&notary.heads, [&whole[..], half].concat()).unwrap();
    assert_eq!(read_heads(&notary.heads).unwrap(), heads);
    notary.world.start_again().await;
    notary.world.application("further").await;
    notary.world.restart().await;
    let now = read_heads(&notary.heads).unwrap();
    assert_eq!((now.len(), &now[..heads.len()]), (heads.len() + 1, &heads[..]));
    // A line that is none in the middle is no crash.
    std::fs::write(&notary.heads, [half, b"\n", &whole].concat()).unwrap();
    assert_eq!(read_heads(&notary.heads).unwrap_err(), TrailError::NoHead { line: 1 });
}
