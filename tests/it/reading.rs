//! Notices as people read them: acknowledged, listed while they are unread, and followed as they are given.

use devhub_proto::v1;

use crate::noticing::{deprecate, notices, retire_at, schedule, with_bob};
use crate::world::*;

#[tokio::test]
async fn a_recipient_acknowledges_for_themself_and_nobody_else_can() {
    let world = with_bob().await;
    world.deprecate("1.0", None, Some(start() + days(400))).await.unwrap();
    world.cry().await;
    let notice = notices(&world, "app").await.remove(0);
    let request = v1::AcknowledgeNoticeRequest {
        application_id: "app".into(),
        notice_id: notice.notice_id.clone(),
        ..Default::default()
    };
    for actor in [OPERATOR, BOB] {
        assert_eq!(refused(world.notices(actor).acknowledge_notice(request.clone()).await), "NOT_A_RECIPIENT");
    }
    let first = world.notices(ADA).acknowledge_notice(request.clone()).await.unwrap().into_inner();
    let acknowledgement = &first.notice.as_ref().unwrap().acknowledgements[0];
    assert_eq!(acknowledgement.email, "ada@example.com");
    assert!(first.revision > 0);
    world.clock.advance(days(1));
    let again = world.notices(ADA).acknowledge_notice(request.clone()).await.unwrap().into_inner();
    assert_eq!((again.revision, &again.notice.unwrap().acknowledgements[0]), (0, acknowledgement));
    let unknown = v1::AcknowledgeNoticeRequest { notice_id: "0".repeat(40), ..request };
    assert_eq!(refused(world.notices(ADA).acknowledge_notice(unknown).await), "NOTICE_NOT_FOUND");
    let progress = v1::GetNoticeProgressRequest { subject: schedule(target("1.0")), revision_number: 0 };
    let progress = world.notices("").get_notice_progress(progress).await.unwrap().into_inner();
    let announced = &progress.milestones[0];
    assert_eq!((announced.applications, announced.people, announced.acknowledged), (1, 1, 1));
}

#[tokio::test]
async fn a_person_lists_what_is_still_to_be_read() {
    let world = with_bob().await;
    for id in ["second", "third"] {
        world.application(id).await;
        world.subscribe(ADA, id, "1.0").await.unwrap();
    }
    world.deprecate("1.0", None, Some(start() + days(400))).await.unwrap();
    world.cry().await;
    let list = async |change: &dyn Fn(&mut v1::ListNoticesRequest)| {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let mut request = v1::ListNoticesRequest { page_size: 1, page_token, ..Default::default() };
            change(&mut request);
            let page = world.notices("").list_notices(request).await.unwrap().into_inner();
            found.extend(page.notices.into_iter().map(|notice| notice.application_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found;
            }
        }
    };
    let to_ada = |unread: bool| {
        move |request: &mut v1::ListNoticesRequest| {
            request.recipient = "ada@example.com".into();
            request.unacknowledged_only = unread;
        }
    };
    assert_eq!(list(&to_ada(false)).await, ["app", "second", "third"]);
    let notice = notices(&world, "second").await.remove(0);
    let request = v1::AcknowledgeNoticeRequest {
        application_id: "second".into(),
        notice_id: notice.notice_id,
        ..Default::default()
    };
    world.notices(ADA).acknowledge_notice(request).await.unwrap();
    assert_eq!(list(&to_ada(true)).await, ["app", "third"]);
    assert_eq!(list(&|request| request.recipient = "bob@example.com".into()).await, Vec::<String>::new());
    let unread_of = |request: &mut v1::ListNoticesRequest| {
        request.application_id = "second".into();
        request.unacknowledged_only = true;
    };
    assert_eq!(list(&unread_of).await, Vec::<String>::new());
    let nobody = world.notices("").list_notices(v1::ListNoticesRequest::default()).await.unwrap_err();
    assert_eq!(violations(&nobody), ["application_id"]);
}

/// Messages of a stream until it has brought `count` notices.
async fn follow(world: &World, request: v1::FollowNoticesRequest, count: usize) -> (Vec<v1::Notice>, u64, String) {
    let mut stream = world.notices("").follow_notices(request).await.unwrap().into_inner();
    let mut found = Vec::new();
    loop {
        let message = stream.message().await.unwrap().unwrap();
        found.extend(message.notices);
        if found.len() >= count {
            return (found, message.revision, message.epoch);
        }
    }
}

#[tokio::test]
async fn the_feed_resumes_where_it_ended_and_needs_nobody_to_ask_for_it() {
    let world = with_bob().await;
    world.application("other").await;
    world.subscribe(ADA, "other", "1.0").await.unwrap();
    let retires_at = start() + days(400);
    // The server's own crier gives them: nobody cries here.
    let change = async |change| {
        let request = v1::ChangeLifecycleRequest { changes: vec![change], ..Default::default() };
        world.schedules(OPERATOR).change_lifecycle(request).await.unwrap()
    };
    change(step(target("1.0"), deprecate(None, Some(retires_at)))).await;
    let (first, revision, epoch) = follow(&world, v1::FollowNoticesRequest::default(), 2).await;
    assert_eq!(first.iter().map(|n| n.application_id.as_str()).collect::<Vec<_>>(), ["app", "other"]);
    let resume = v1::FollowNoticesRequest { after_revision: revision, epoch, ..Default::default() };
    change(step(target("1.0"), retire_at(at(retires_at + days(1))))).await;
    let (second, _, _) = follow(&world, resume.clone(), 2).await;
    assert!(second.iter().all(|notice| notice.revision_number == 3), "{second:?}");
    let of_other = v1::FollowNoticesRequest { application_id: "other".into(), ..Default::default() };
    let (found, _, _) = follow(&world, of_other, 2).await;
    assert!(found.iter().all(|notice| notice.application_id == "other"));
    let to_ada =
        v1::FollowNoticesRequest { recipient: "ada@example.com".into(), context: CONTEXT.into(), ..Default::default() };
    assert_eq!(follow(&world, to_ada, 4).await.0.len(), 4);
    for (recipient, context) in [("bob@example.com", ""), ("", "other/api")] {
        let request =
            v1::FollowNoticesRequest { recipient: recipient.into(), context: context.into(), ..Default::default() };
        assert_eq!(follow(&world, request, 0).await.0, []);
    }
    let elsewhere = v1::FollowNoticesRequest { epoch: "another".into(), ..resume.clone() };
    let refusal = world.notices("").follow_notices(elsewhere).await.map(|_| ()).unwrap_err();
    assert_eq!(reason(&refusal), "EPOCH_CHANGED");
    let ahead = v1::FollowNoticesRequest { after_revision: 1_000_000, ..resume };
    let refusal = world.notices("").follow_notices(ahead).await.map(|_| ()).unwrap_err();
    assert_eq!(reason(&refusal), "REVISION_NOT_REACHED");
}
