//! The log of decisions: samples, beside everything else.

use std::path::{Path, PathBuf};

use devhub::gateway::Sampling;
use devhub_proto::v1;

use crate::world::*;

struct Sampled {
    world: World,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

/// A world with a live subscription that samples its decisions.
async fn sampled(every: u64, denials_per_second: u32, file_bytes_max: u64) -> Sampled {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("decisions");
    let sampling = Sampling { file: file.clone(), every, denials_per_second, file_bytes_max };
    let world = World::with(|config| config.audit.sampling = Some(sampling)).await;
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.clock.set(start() + days(1));
    Sampled { world, file, _directory: directory }
}

fn lines(file: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn one_allowed_call_in_so_many_is_sampled_and_every_denial_up_to_a_rate() {
    let mut sampled = sampled(4, 2, 1 << 20).await;
    for _ in 0..9 {
        assert_eq!(sampled.world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    }
    for _ in 0..5 {
        assert_eq!(sampled.world.decision("nobody", "1.0").await, "DENY UNKNOWN_CLIENT");
    }
    sampled.world.clock.advance(ms(999));
    assert_eq!(sampled.world.decision("nobody", "1.0").await, "DENY UNKNOWN_CLIENT");
    sampled.world.clock.advance(ms(1));
    assert_eq!(sampled.world.decision("nobody", "1.0").await, "DENY UNKNOWN_CLIENT");
    let before = sampled.world.hub().store().head().revision;
    sampled.world.restart().await;
    let lines = lines(&sampled.file);
    let told: Vec<_> =
        lines.iter().map(|line| (line["verdict"].as_str().unwrap(), line["stands_for"].as_u64().unwrap())).collect();
    assert_eq!(told, [("ALLOW", 4), ("ALLOW", 4), ("ALLOW", 4), ("DENY", 1), ("DENY", 1), ("DENY", 1)]);
    assert_eq!((lines[0]["client_id"].as_str(), lines[0]["reason"].as_str()), (Some("client-app"), Some("SUBSCRIBED")));
    assert_eq!((lines[0]["time"].as_str(), lines[0]["lost"].as_u64()), (Some("2026-01-02T00:00:00.000Z"), Some(0)));
    assert_eq!(lines[5]["time"].as_str(), Some("2026-01-02T00:00:01.000Z"));
    assert_eq!(sampled.world.hub().store().head().revision, before, "nothing of it is in the journal");
}

#[tokio::test]
async fn a_full_file_is_put_aside() {
    let mut sampled = sampled(1, 0, 700).await;
    for _ in 0..7 {
        sampled.world.decision("app", "1.0").await;
    }
    sampled.world.restart().await;
    let aside = sampled.file.with_extension("1");
    let (old, new) = (lines(&aside), lines(&sampled.file));
    assert!(!new.is_empty() && !old.is_empty() && old.len() + new.len() <= 7, "{} and {}", old.len(), new.len());
    assert!(std::fs::metadata(&aside).unwrap().len() <= 700 && std::fs::metadata(&sampled.file).unwrap().len() <= 700);
}

#[tokio::test]
async fn neither_secrets_nor_paths_are_written_down() {
    let mut sampled = sampled(1, 100, 1 << 20).await;
    let secret = format!("dhs_{}", "A".repeat(49));
    let mistaken = v1::AuthorizeRequest {
        client_id: secret.clone(),
        method: Some("GET".into()),
        path: Some("/AA123456A/losses".into()),
        ..question("app", "1.0")
    };
    sampled.world.gateway().authorize(mistaken).await.unwrap();
    sampled.world.restart().await;
    let text = std::fs::read_to_string(&sampled.file).unwrap();
    assert!(!text.contains(&secret) && !text.contains("AA123456A"), "{text}");
    assert_eq!(lines(&sampled.file)[0]["client_id"].as_str(), Some("a secret"));
    assert_eq!(lines(&sampled.file)[0]["method"].as_str(), Some("GET"));
}
