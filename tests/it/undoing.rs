//! Rules B44 and B47: within a window, the original subscription comes back with its original date.

use devhub::wire::timestamp;
use devhub_proto::v1;
use tonic::Status;

use crate::moving::name;
use crate::world::*;

impl World {
    async fn undo_unsubscribe(
        &self,
        actor: &'static str,
        id: &str,
        change: impl FnOnce(&mut v1::UndoUnsubscribeRequest),
    ) -> Result<v1::Subscription, Status> {
        let mut request = v1::UndoUnsubscribeRequest {
            application_id: id.into(),
            context: CONTEXT.into(),
            version: "1.0".into(),
            ..Default::default()
        };
        change(&mut request);
        Ok(self.subscriptions(actor).undo_unsubscribe(request).await?.into_inner().subscription.unwrap())
    }

    async fn undo_move(&self, actor: &'static str, id: &str) -> Result<v1::Subscription, Status> {
        let request =
            v1::UndoMoveRequest { application_id: id.into(), from: name("1.0"), to: name("2.0"), ..Default::default() };
        Ok(self.subscriptions(actor).undo_move(request).await?.into_inner().subscription.unwrap())
    }
}

#[tokio::test]
async fn b44_an_unsubscription_is_undone_within_the_window_with_the_original_date() {
    let deadline = start() + days(3);
    for (at, allowed) in [(deadline - ms(1), true), (deadline, false), (deadline + ms(1), false)] {
        let mut world = World::before_a_move().await;
        let before = world.subscription("app", "1.0").await.unwrap();
        let ended = world.unsubscribe(ADA, "app", "1.0", true).await.unwrap();
        assert_eq!(ended.undoable_until, Some(timestamp(deadline)), "the developer sees the deadline");
        world.clock.set(at);
        world.restart().await;
        let result = world.undo_unsubscribe(ADA, "app", |_| {}).await;
        if allowed {
            let back = result.unwrap();
            assert_eq!((back.subscription_id, back.start_time), (before.subscription_id, before.start_time));
            assert_eq!((back.state, back.end_time), (before.state, None));
            assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
            assert_eq!(refused(world.undo_unsubscribe(ADA, "app", |_| {}).await), "NOTHING_TO_UNDO");
        } else {
            let status = result.unwrap_err();
            assert_eq!(reason(&status), "UNDO_WINDOW_PASSED", "{at}");
            assert!(status.message().contains("2026-01-04T00:00:00Z"), "{}", status.message());
            assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED");
            assert_eq!(world.subscription("app", "1.0").await.unwrap().undoable_until, None);
        }
    }
}

#[tokio::test]
async fn b43_the_warning_says_how_long_the_way_back_is_open() {
    let world = World::before_a_move().await;
    let status = world.unsubscribe(ADA, "app", "1.0", false).await.unwrap_err();
    assert_eq!(reason(&status), "ACKNOWLEDGEMENT_REQUIRED");
    assert!(status.message().contains("undone for 24 hours"), "{}", status.message());
}

#[tokio::test]
async fn b44_what_staff_ended_staff_give_back_and_a_retired_version_gives_nothing_back() {
    let world = World::before_a_move().await;
    let ended = world.unsubscribe(OPERATOR, "app", "1.0", true).await.unwrap();
    assert_eq!(ended.end_reason(), v1::EndReason::Revoked);
    assert_eq!(refused(world.undo_unsubscribe(ADA, "app", |_| {}).await), "OPERATOR_REQUIRED");
    assert_eq!(refused(world.undo_unsubscribe(BOB, "app", |_| {}).await), "APPLICATION_NOT_FOUND");
    assert_eq!(refused(world.undo_unsubscribe(OPERATOR, "app", |r| r.etag = "1".into()).await), "ETAG_MISMATCH");
    world.undo_unsubscribe(OPERATOR, "app", |r| r.reason = "mixed up".into()).await.unwrap();
    let kinds = vec![v1::FactKind::UnsubscriptionUndone.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert_eq!((facts.len(), facts[0].reason.as_str(), facts[0].actor.as_str()), (1, "mixed up", OPERATOR));

    world.unsubscribe(ADA, "app", "1.0", true).await.unwrap();
    let block = v1::BlockApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).block_application(block).await.unwrap();
    assert_eq!(refused(world.undo_unsubscribe(ADA, "app", |_| {}).await), "APPLICATION_BLOCKED");
    let unblock = v1::UnblockApplicationRequest { application_id: "app".into(), ..Default::default() };
    world.applications(OPERATOR).unblock_application(unblock).await.unwrap();
    world.retire_with("1.0", |r| r.override_reason = "leaked data".into()).await.unwrap();
    assert_eq!(refused(world.undo_unsubscribe(OPERATOR, "app", |_| {}).await), "VERSION_RETIRED");
}

#[tokio::test]
async fn there_is_nothing_to_undo_where_nobody_ended_anything() {
    let world = World::before_a_move().await;
    assert_eq!(refused(world.undo_unsubscribe(ADA, "app", |_| {}).await), "NOTHING_TO_UNDO");
    assert_eq!(refused(world.undo_move(ADA, "app").await), "NOTHING_TO_UNDO");
    world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap();
    let status = world.undo_unsubscribe(ADA, "app", |_| {}).await.unwrap_err();
    assert!(status.message().contains("undo the move instead"), "{}", status.message());
    world.application("other").await;
    assert_eq!(refused(world.undo_unsubscribe(ADA, "other", |_| {}).await), "NOTHING_TO_UNDO");
    assert_eq!(refused(world.undo_move(ADA, "other").await), "NOTHING_TO_UNDO");
}

#[tokio::test]
async fn b47_a_move_is_undone_within_the_window_and_what_it_made_ends() {
    let deadline = start() + days(3);
    for (at, allowed) in [(deadline - ms(1), true), (deadline, false), (deadline + ms(1), false)] {
        let mut world = World::before_a_move().await;
        let before = world.subscription("app", "1.0").await.unwrap();
        let moved = world.relocate(OPERATOR, "app", ("1.0", "2.0"), |_| {}).await.unwrap().moved.unwrap();
        assert_eq!(moved.undoable_until, Some(timestamp(deadline)));
        world.clock.set(at);
        world.restart().await;
        let result = world.undo_move(ADA, "app").await;
        if allowed {
            let back = result.unwrap();
            assert_eq!((back.subscription_id, back.start_time), (before.subscription_id, before.start_time));
            let made = world.subscription("app", "2.0").await.unwrap();
            assert_eq!(made.end_reason(), v1::EndReason::MoveUndone);
            assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
            assert_eq!(world.decision("app", "2.0").await, "DENY NOT_SUBSCRIBED");
            assert_eq!(refused(world.undo_move(ADA, "app").await), "NOTHING_TO_UNDO");
            // And it can be moved again.
            world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap();
            assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
        } else {
            assert_eq!(refused(result), "UNDO_WINDOW_PASSED", "{at}");
            assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
        }
    }
}

#[tokio::test]
async fn a_move_is_undone_as_long_as_its_overlap_lasts() {
    let end = start() + days(40);
    for (at, allowed) in [(end - ms(1), true), (end, false), (end + ms(1), false)] {
        let world = World::before_a_move().await;
        world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(end))).await.unwrap();
        world.clock.set(at);
        let result = world.undo_move(ADA, "app").await;
        assert_eq!(result.is_ok(), allowed, "{at}: {result:?}");
        world.clock.set(end + days(1));
        let expected = if allowed { v1::SubscriptionState::Active } else { v1::SubscriptionState::Ended };
        assert_eq!(world.subscription("app", "1.0").await.unwrap().state(), expected, "{at}");
    }
}

/// Ending the overlap early is what takes the old version away, so the window to undo it begins there.
#[tokio::test]
async fn b47_a_move_whose_overlap_is_cut_short_can_be_undone_for_the_window() {
    let (end, cut) = (start() + days(40), start() + days(10));
    for (at, allowed) in [(cut + days(1) - ms(1), true), (cut + days(1), false)] {
        let world = World::before_a_move().await;
        world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(end))).await.unwrap();
        world.clock.set(cut);
        let moved = world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap().moved.unwrap();
        assert_eq!(moved.undoable_until, Some(timestamp(cut + days(1))));
        world.clock.set(at);
        assert_eq!(world.undo_move(ADA, "app").await.is_ok(), allowed, "{at}");
    }
}

#[tokio::test]
async fn an_overlap_that_was_left_is_given_back_as_an_overlap() {
    let world = World::before_a_move().await;
    let end = start() + days(40);
    world.relocate(ADA, "app", ("1.0", "2.0"), |r| r.overlap_until = Some(timestamp(end))).await.unwrap();
    world.unsubscribe(ADA, "app", "1.0", true).await.unwrap();
    assert_eq!(refused(world.undo_move(ADA, "app").await), "NOTHING_TO_UNDO");
    let back = world.undo_unsubscribe(ADA, "app", |_| {}).await.unwrap();
    assert_eq!(back.planned_end_time, Some(timestamp(end)));
    world.undo_move(ADA, "app").await.unwrap();
}

#[tokio::test]
async fn a_move_from_a_version_that_was_retired_since_stands() {
    let world = World::before_a_move().await;
    world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap();
    world.retire_with("1.0", |r| r.override_reason = "leaked data".into()).await.unwrap();
    assert_eq!(refused(world.undo_move(OPERATOR, "app").await), "VERSION_RETIRED");
    assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn an_undo_is_repeatable_by_its_request_id() {
    let world = World::before_a_move().await;
    world.unsubscribe(ADA, "app", "1.0", true).await.unwrap();
    let undo = |r: &mut v1::UndoUnsubscribeRequest| r.request_id = "undo-1".into();
    let first = world.undo_unsubscribe(ADA, "app", undo).await.unwrap();
    world.clock.advance(ms(5));
    assert_eq!(world.undo_unsubscribe(ADA, "app", undo).await.unwrap(), first);
}

/// There and back and there again: what the move back had brought back is ended for good, and the refusal says so.
#[tokio::test]
async fn b47_undoing_a_move_back_leaves_the_first_move_for_good() {
    let world = World::before_a_move().await;
    world.relocate(ADA, "app", ("1.0", "2.0"), |_| {}).await.unwrap();
    world.relocate(ADA, "app", ("2.0", "1.0"), |_| {}).await.unwrap();
    assert_eq!(world.decision("app", "1.0").await, "ALLOW SUBSCRIBED");
    let undo =
        v1::UndoMoveRequest { application_id: "app".into(), from: name("2.0"), to: name("1.0"), ..Default::default() };
    world.subscriptions(ADA).undo_move(undo).await.unwrap();
    assert_eq!(world.decision("app", "2.0").await, "ALLOW SUBSCRIBED");
    assert_eq!(world.decision("app", "1.0").await, "DENY NOT_SUBSCRIBED");
    let status = world.undo_move(ADA, "app").await.unwrap_err();
    assert_eq!(reason(&status), "NOTHING_TO_UNDO");
    assert!(status.message().contains("ended it for good") && status.message().contains("waiver"), "{status}");
    assert_eq!(refused(world.undo_unsubscribe(ADA, "app", |_| {}).await), "NOTHING_TO_UNDO");
    assert_eq!(refused(world.relocate(ADA, "app", ("2.0", "1.0"), |_| {}).await), "VERSION_DEPRECATED");
}
