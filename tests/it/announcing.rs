//! Announcements: published, revised, withdrawn, and compared with the ledger.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;
use devhub_proto::v1::notice_subject::Subject;

use crate::world::{ADA, CONTEXT, OPERATOR, World, days, instant, reason, refused, start, target, violations};

fn content(title: &str) -> v1::AnnouncementContent {
    v1::AnnouncementContent {
        category: v1::AnnouncementCategory::Change.into(),
        audience: Some(v1::AnnouncementAudience {
            kind: v1::AnnouncementAudienceKind::Everybody.into(),
            ..Default::default()
        }),
        title: title.into(),
        ..Default::default()
    }
}

fn effect(from: DateTime<Utc>, until: Option<DateTime<Utc>>) -> Option<v1::AnnouncementEffect> {
    Some(v1::AnnouncementEffect {
        start_time: Some(timestamp(from)),
        end_time: until.map(timestamp),
        ..Default::default()
    })
}

fn to_subscribers(content: v1::AnnouncementContent) -> v1::AnnouncementContent {
    let audience = v1::AnnouncementAudience {
        kind: v1::AnnouncementAudienceKind::Subscribers.into(),
        environment: v1::Environment::Sandbox.into(),
        scopes: vec![v1::AnnouncementScope { context: CONTEXT.into(), version: String::new() }],
    };
    v1::AnnouncementContent { audience: Some(audience), ..content }
}

async fn publish(
    world: &World,
    id: &str,
    content: v1::AnnouncementContent,
    published_at: Option<DateTime<Utc>>,
) -> Result<v1::PublishAnnouncementResponse, tonic::Status> {
    let request = v1::PublishAnnouncementRequest {
        announcement_id: id.into(),
        content: Some(content),
        publish_time: published_at.map(timestamp),
        ..Default::default()
    };
    Ok(world.announcements(OPERATOR).publish_announcement(request).await?.into_inner())
}

async fn revise(
    world: &World,
    id: &str,
    content: v1::AnnouncementContent,
    published_at: Option<DateTime<Utc>>,
    note: &str,
) -> Result<v1::ReviseAnnouncementResponse, tonic::Status> {
    let request = v1::ReviseAnnouncementRequest {
        announcement_id: id.into(),
        content: Some(content),
        publish_time: published_at.map(timestamp),
        note: note.into(),
        ..Default::default()
    };
    Ok(world.announcements(OPERATOR).revise_announcement(request).await?.into_inner())
}

async fn withdraw(world: &World, id: &str) -> Result<v1::WithdrawAnnouncementResponse, tonic::Status> {
    let request = v1::WithdrawAnnouncementRequest {
        announcement_id: id.into(),
        note: "made in error".into(),
        ..Default::default()
    };
    Ok(world.announcements(OPERATOR).withdraw_announcement(request).await?.into_inner())
}

async fn get(
    world: &World,
    id: &str,
    as_of: Option<DateTime<Utc>>,
) -> Result<v1::GetAnnouncementResponse, tonic::Status> {
    let request = v1::GetAnnouncementRequest { announcement_id: id.into(), as_of: as_of.map(timestamp) };
    Ok(world.announcements("").get_announcement(request).await?.into_inner())
}

async fn list(world: &World, change: impl Fn(&mut v1::ListAnnouncementsRequest)) -> Vec<String> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let mut request = v1::ListAnnouncementsRequest { page_size: 2, page_token, ..Default::default() };
        change(&mut request);
        let page = world.announcements("").list_announcements(request).await.unwrap().into_inner();
        found.extend(page.announcements.into_iter().map(|announcement| announcement.announcement_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

#[tokio::test]
async fn b26_an_announcement_keeps_its_words_its_zone_and_the_instant() {
    let world = World::new().await;
    let mut shorter = content("Access tokens live for a shorter time");
    shorter.effect = Some(v1::AnnouncementEffect {
        start_time: Some(timestamp(instant("2023-11-18T02:00:00Z"))),
        zone: "America/Los_Angeles".into(),
        stated: "NOVEMBER 17, 2023 6PM PT".into(),
        ..Default::default()
    });
    publish(&world, "shorter-tokens", shorter.clone(), Some(instant("2023-08-04T07:00:00Z"))).await.unwrap();
    let read = get(&world, "shorter-tokens", None).await.unwrap().announcement.unwrap().current.unwrap();
    let effect = read.content.unwrap().effect.unwrap();
    assert_eq!(effect.stated, "NOVEMBER 17, 2023 6PM PT");
    assert_eq!(effect.zone, "America/Los_Angeles");
    assert_eq!(effect.start_local, "2023-11-17 18:00 PST America/Los_Angeles (2023-11-18T02:00:00Z)");
    // In May the zone has another name, whatever the announcement called it.
    shorter.effect.as_mut().unwrap().start_time = Some(timestamp(instant("2023-05-19T00:00:00Z")));
    let revised = revise(&world, "shorter-tokens", shorter.clone(), None, "PST was printed").await.unwrap();
    let effect = revised.announcement.unwrap().current.unwrap().content.unwrap().effect.unwrap();
    assert!(effect.start_local.starts_with("2023-05-18 17:00 PDT"), "{}", effect.start_local);
    shorter.effect.as_mut().unwrap().zone = "PST".into();
    let refusal = revise(&world, "shorter-tokens", shorter, None, "").await.unwrap_err();
    assert_eq!(violations(&refusal), ["content.effect.zone"]);
}

#[tokio::test]
async fn x11_what_was_public_at_an_instant_is_answered_and_nothing_is_overwritten() {
    let world = World::new().await;
    let published = ["2024-12-03T08:00:00Z", "2025-01-29T08:00:00Z"].map(instant);
    publish(&world, "accounts", content("They end on March 24"), Some(published[0])).await.unwrap();
    let note = "printed 12/03/2025, evidently 2024";
    revise(&world, "accounts", content("They end on March 18"), Some(published[1]), note).await.unwrap();
    world.clock.advance(days(1));
    withdraw(&world, "accounts").await.unwrap();
    let known = |response: v1::GetAnnouncementResponse| {
        let current = response.announcement.unwrap().current.unwrap();
        (current.number, current.content.unwrap().title, current.withdrawn)
    };
    let at = async |at| get(&world, "accounts", Some(at)).await.map(known);
    assert_eq!(refused(at(published[0] - days(1)).await), "ANNOUNCEMENT_NOT_FOUND");
    assert_eq!(at(published[0]).await.unwrap(), (1, "They end on March 24".into(), false));
    assert_eq!(at(published[1]).await.unwrap(), (2, "They end on March 18".into(), false));
    assert_eq!(at(start() + days(2)).await.unwrap(), (3, "They end on March 18".into(), true));
    let request = v1::ListAnnouncementRevisionsRequest { announcement_id: "accounts".into(), ..Default::default() };
    let page = world.announcements("").list_announcement_revisions(request).await.unwrap().into_inner();
    let notes: Vec<_> = page.revisions.iter().map(|revision| revision.note.as_str()).collect();
    assert_eq!(notes, ["", note, "made in error"]);
    assert!(page.revisions.iter().all(|revision| revision.actor == OPERATOR));
}

#[tokio::test]
async fn x11_an_announcement_that_differs_from_the_ledger_is_warned_of() {
    let world = World::usual().await;
    let (deprecated_at, retires_at) = (start() + days(10), start() + days(400));
    let about = |from, until| v1::AnnouncementContent {
        category: v1::AnnouncementCategory::Deprecation.into(),
        effect: effect(from, until),
        references: vec![target("1.0")],
        ..content("Losses 1.0 ends")
    };
    let early = publish(&world, "too-early", about(deprecated_at, None), None).await.unwrap();
    assert!(early.warnings[0].contains("none is planned"), "{:?}", early.warnings);
    world.deprecate("1.0", Some(deprecated_at), Some(retires_at)).await.unwrap();
    assert_eq!(get(&world, "too-early", None).await.unwrap().warnings, Vec::<String>::new());
    let right = publish(&world, "right", about(deprecated_at, Some(retires_at)), None).await.unwrap();
    assert_eq!(right.warnings, Vec::<String>::new());
    let wrong = publish(&world, "wrong", about(deprecated_at, Some(retires_at - days(1))), None).await.unwrap();
    assert_eq!(wrong.warnings.len(), 1);
    assert!(wrong.warnings[0].contains("2027-02-04") && wrong.warnings[0].contains("2027-02-05"), "{:?}", wrong);
    let mut sunset = about(retires_at, None);
    sunset.category = v1::AnnouncementCategory::Sunset.into();
    assert_eq!(publish(&world, "sunset", sunset.clone(), None).await.unwrap().warnings, Vec::<String>::new());
    // The ledger moves on, and the page does not: whoever reads it is warned.
    let retire = crate::world::at(retires_at + days(30));
    let step = v1::lifecycle_change::Step::Revise(v1::ReviseStep { retire, ..Default::default() });
    world.change(crate::world::step(target("1.0"), step)).await.unwrap();
    assert_eq!(get(&world, "sunset", None).await.unwrap().warnings.len(), 1);
    sunset.effect = effect(retires_at + days(30), None);
    assert_eq!(revise(&world, "sunset", sunset, None, "moved").await.unwrap().warnings, Vec::<String>::new());
}

#[tokio::test]
async fn operators_announce_and_what_is_wrong_is_named() {
    let world = World::new().await;
    let request = v1::PublishAnnouncementRequest {
        announcement_id: "hello".into(),
        content: Some(content("Hello")),
        ..Default::default()
    };
    let by_ada = world.announcements(ADA).publish_announcement(request).await;
    assert_eq!(refused(by_ada), "OPERATOR_REQUIRED");
    let first = publish(&world, "hello", content("Hello"), None).await.unwrap().announcement.unwrap();
    assert_eq!(refused(publish(&world, "hello", content("Hello"), None).await), "ALREADY_EXISTS");
    assert_eq!(refused(revise(&world, "hello", content("Hello"), None, "").await), "NOTHING_TO_DO");
    assert_eq!(refused(revise(&world, "nothing", content("Hello"), None, "").await), "ANNOUNCEMENT_NOT_FOUND");
    let before = revise(&world, "hello", content("Hello!"), Some(start() - days(1)), "").await;
    assert_eq!(refused(before), "PUBLICATION_OUT_OF_ORDER");
    let later = publish(&world, "later", content("Later"), Some(start() + days(1))).await;
    assert_eq!(refused(later), "PUBLICATION_OUT_OF_ORDER");
    revise(&world, "hello", content("Hello!"), None, "").await.unwrap();
    let stale =
        v1::WithdrawAnnouncementRequest { announcement_id: "hello".into(), etag: first.etag, ..Default::default() };
    assert_eq!(refused(world.announcements(OPERATOR).withdraw_announcement(stale).await), "ETAG_MISMATCH");
    withdraw(&world, "hello").await.unwrap();
    assert_eq!(refused(withdraw(&world, "hello").await), "NOTHING_TO_DO");
    let mut bad = content("");
    bad.category = 0;
    bad.body = "x".repeat(20_001);
    bad.references = vec![v1::ScheduleTarget::default()];
    bad.effect = effect(start(), Some(start()));
    let refusal = publish(&world, "bad", bad, None).await.unwrap_err();
    let fields = violations(&refusal);
    assert_eq!(fields[..3], ["content.category", "content.title", "content.body"]);
    assert!(fields[3..].iter().all(|field| field.starts_with("content.references[0]")), "{fields:?}");
    let mut backwards = content("Backwards");
    backwards.effect = effect(start(), Some(start()));
    assert_eq!(violations(&publish(&world, "back", backwards, None).await.unwrap_err()), ["content.effect.end_time"]);
    let mut audience = to_subscribers(content("To nobody"));
    audience.audience.as_mut().unwrap().scopes.clear();
    let refusal = publish(&world, "nobody", audience, None).await.unwrap_err();
    assert_eq!(
        (reason(&refusal).as_str(), violations(&refusal)),
        ("INVALID_FIELD", vec!["content.audience.scopes".into()])
    );
}

#[tokio::test]
async fn announcements_are_listed_newest_first_and_filtered() {
    let mut world = World::usual().await;
    let day = |number| Some(start() - days(number));
    publish(&world, "old", content("Old"), day(9)).await.unwrap();
    let mut maintenance = content("Maintenance");
    maintenance.category = v1::AnnouncementCategory::Maintenance.into();
    maintenance.breaking = true;
    publish(&world, "maintenance", maintenance, day(5)).await.unwrap();
    let mut about = content("About losses");
    about.references = vec![target("1.0")];
    publish(&world, "about", about, day(7)).await.unwrap();
    publish(&world, "to-subscribers", to_subscribers(content("To subscribers")), day(3)).await.unwrap();
    publish(&world, "wrong", content("Wrong"), day(2)).await.unwrap();
    withdraw(&world, "wrong").await.unwrap();
    for _ in 0..2 {
        assert_eq!(list(&world, |_| {}).await, ["to-subscribers", "maintenance", "about", "old"]);
        assert_eq!(list(&world, |r| r.show_withdrawn = true).await[0], "wrong");
        let category = v1::AnnouncementCategory::Maintenance.into();
        assert_eq!(list(&world, |r| r.category = category).await, ["maintenance"]);
        assert_eq!(list(&world, |r| r.breaking_only = true).await, ["maintenance"]);
        assert_eq!(list(&world, |r| r.context = CONTEXT.into()).await, ["to-subscribers", "about"]);
        let kind = v1::AnnouncementAudienceKind::Subscribers.into();
        assert_eq!(list(&world, |r| r.audience_kind = kind).await, ["to-subscribers"]);
        let span = |r: &mut v1::ListAnnouncementsRequest| {
            r.start_time = Some(timestamp(start() - days(7)));
            r.end_time = Some(timestamp(start() - days(5)));
        };
        assert_eq!(list(&world, span).await, ["about"], "half-open");
        world.restart().await;
    }
    revise(&world, "old", content("Older"), None, "").await.unwrap();
    assert_eq!(list(&world, |_| {}).await[0], "old", "a revision is news");
}

#[tokio::test]
async fn b91_subscribers_are_told_of_each_revision_of_what_is_announced_to_them() {
    let world = World::usual().await;
    world.application("idle").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let told = async |application: &str| {
        let request = v1::ListNoticesRequest { application_id: application.into(), ..Default::default() };
        let page = world.notices("").list_notices(request).await.unwrap().into_inner();
        page.notices.into_iter().rev().map(|notice| notice.sentences[0].clone()).collect::<Vec<_>>()
    };
    publish(&world, "public", content("For everybody"), None).await.unwrap();
    let mut window = to_subscribers(content("Maintenance"));
    window.effect = effect(start() + days(3), Some(start() + days(4)));
    publish(&world, "maintenance", window.clone(), None).await.unwrap();
    let mut over = window.clone();
    over.effect = effect(start() - days(3), Some(start()));
    publish(&world, "over", over, None).await.unwrap();
    window.effect = effect(start() + days(3), Some(start() + days(5)));
    revise(&world, "maintenance", window, None, "it takes longer").await.unwrap();
    withdraw(&world, "maintenance").await.unwrap();
    world.cry().await;
    world.cry().await;
    assert_eq!(told("app").await, ["Maintenance", "Updated: Maintenance", "Withdrawn: Maintenance"]);
    assert_eq!(told("idle").await, Vec::<String>::new());
    let subject = Some(v1::NoticeSubject { subject: Some(Subject::AnnouncementId("maintenance".into())) });
    let request = v1::GetNoticeProgressRequest { subject, revision_number: 2 };
    let progress = world.notices("").get_notice_progress(request).await.unwrap().into_inner();
    assert_eq!((progress.milestones.len(), progress.milestones[0].applications), (1, 1));
}
