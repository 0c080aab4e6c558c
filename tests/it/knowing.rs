//! From when on every call was counted: what is lost is known to be lost, since a rule stands on it.

use devhub_proto::v1;

use crate::world::*;

/// A usual world in which `app` is subscribed.
async fn subscribed() -> World {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world
}

#[tokio::test]
async fn from_when_on_no_call_was_lost_is_known_across_clean_stops_only() {
    let mut world = subscribed().await;
    let known_since = |world: &World| world.hub().usage().known_since(world.hub().now());
    world.clock.set(start() + days(1));
    world.restart().await;
    assert_eq!(known_since(&world), start(), "a clean stop loses nothing");
    // What a kill leaves: everything that was noted, and no end.
    let left = tempfile::tempdir().unwrap();
    copy(world.directory.path(), left.path());
    world.decision("app", "1.0").await;
    world.clock.set(start() + days(2));
    world.server.take().unwrap().stop().await.unwrap();
    world.config.data_dir = left.path().to_owned();
    world.start_again().await;
    assert_eq!(known_since(&world), start() + days(2), "the calls before may be lost");
    world.clock.set(start() + days(3));
    world.restart().await;
    assert_eq!(known_since(&world), start() + days(2));
    // Notes of an earlier end, beside commits of a later run.
    world.server.take().unwrap().stop().await.unwrap();
    let (earlier, usage) = (tempfile::tempdir().unwrap(), left.path().join("usage"));
    copy(&usage, earlier.path());
    world.start_again().await;
    world.application("other").await;
    world.server.take().unwrap().stop().await.unwrap();
    std::fs::remove_dir_all(&usage).unwrap();
    copy(earlier.path(), &usage);
    world.clock.set(start() + days(4));
    world.start_again().await;
    assert_eq!(known_since(&world), start() + days(4));
}

#[tokio::test]
async fn a_call_that_there_was_no_room_for_is_known_to_be_lost() {
    let mut world = World::with(|config| config.usage_entries_max = 1).await;
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    for id in ["one", "two"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    world.clock.set(start() + days(1));
    world.decision("one", "1.0").await;
    assert_eq!(world.hub().usage().known_since(world.hub().now()), start());
    world.decision("two", "1.0").await;
    world.clock.set(start() + days(2));
    assert_eq!(world.hub().usage().known_since(world.hub().now()), start() + days(1));
    world.restart().await;
    assert_eq!(world.hub().usage().known_since(world.hub().now()), start() + days(1), "a clean stop does not heal it");
}
