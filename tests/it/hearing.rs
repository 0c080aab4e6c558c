//! Notices of companies as people read them, and the crier in trouble with the dates of service accounts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use devhub::clock::ManualClock;
use devhub::domain::Actor;
use devhub::domain::notice::{Milestone, NoticeSubject};
use devhub::domain::record::RecordKey;
use devhub::hub::{Hub, Progress, Request};
use devhub::store::codec::encode_key;
use devhub::store::fault::{Fault, Faults};
use devhub::store::memory::Memory;
use devhub::store::{Batch, Verdict, Write};
use devhub_proto::v1;

use crate::accounts::{CAROL, DAVE, revision, time, undefined};
use crate::foretelling::scenario;
use crate::heralding::{announced, class};
use crate::migrating::{EARLY, NEVER};
use crate::noticing::{deprecate, schedule};
use crate::racing::rules;
use crate::world::*;

#[tokio::test]
async fn a_company_lists_follows_and_acknowledges_its_notices() {
    let (world, sunset) = announced().await;
    // Ada administers the application already; now a company too.
    let update = v1::UpdateCompanyRequest {
        company_id: NEVER.into(),
        administrators: vec!["carol@builders.example".into(), "ada@example.com".into()],
        ..Default::default()
    };
    world.companies(CAROL).update_company(update).await.unwrap();
    world.wait_until(sunset - days(90)).await;
    let list = async |recipient: &str, company: &str, unacknowledged_only: bool| {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = v1::ListNoticesRequest {
                recipient: recipient.into(),
                company_id: company.into(),
                unacknowledged_only,
                page_size: 1,
                page_token,
                ..Default::default()
            };
            let page = world.notices("").list_notices(request).await.unwrap().into_inner();
            found.extend(
                page.notices.into_iter().map(|notice| format!("{}{}", notice.application_id, notice.company_id)),
            );
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found;
            }
        }
    };
    // The announcement came before she was an administrator of it.
    assert_eq!(list("ada@example.com", "", false).await, [vec!["ledgerly"; 4], vec![NEVER; 3]].concat());
    assert_eq!(list("carol@builders.example", "", false).await, [vec![EARLY; 4], vec![NEVER; 4]].concat());
    assert_eq!(list("ada@example.com", NEVER, false).await, [NEVER; 3]);
    assert_eq!(list("ada@example.com", EARLY, false).await, Vec::<String>::new());
    let notice = world.notices_about(NEVER, "").await.pop().unwrap();
    assert_eq!((notice.application_id.as_str(), notice.environment()), ("", v1::Environment::Production));
    let request = v1::AcknowledgeNoticeRequest {
        company_id: NEVER.into(),
        notice_id: notice.notice_id.clone(),
        ..Default::default()
    };
    for (actor, refusal) in [(OPERATOR, "NOT_A_RECIPIENT"), (DAVE, "NOTICE_NOT_FOUND")] {
        assert_eq!(refused(world.notices(actor).acknowledge_notice(request.clone()).await), refusal);
    }
    let done = world.notices(ADA).acknowledge_notice(request.clone()).await.unwrap().into_inner();
    assert_eq!(done.notice.unwrap().acknowledgements[0].email, "ada@example.com");
    assert_eq!(list("ada@example.com", NEVER, true).await, [NEVER; 2]);
    let facts = v1::FactFilter { kinds: vec![v1::FactKind::NoticeAcknowledged.into()], ..Default::default() };
    assert_eq!(world.all_facts(facts).await[0].company_id, NEVER);
    let progress = v1::GetNoticeProgressRequest { subject: class(), revision_number: 1 };
    let progress = world.notices("").get_notice_progress(progress).await.unwrap().into_inner();
    let counted = progress.milestones.iter().find(|m| m.countdown_days == 90).unwrap();
    assert_eq!((counted.applications, counted.companies, counted.people, counted.acknowledged), (1, 2, 4, 1));
    let followed = v1::FollowNoticesRequest { company_id: NEVER.into(), ..Default::default() };
    let mut stream = world.notices("").follow_notices(followed).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.notices.iter().map(|n| n.company_id.as_str()).collect::<Vec<_>>(), [NEVER; 4]);

    let unknown = v1::AcknowledgeNoticeRequest { notice_id: "0".repeat(40), ..request.clone() };
    let unknown = world.notices(ADA).acknowledge_notice(unknown).await.unwrap_err();
    assert_eq!(reason(&unknown), "NOTICE_NOT_FOUND");
    assert!(unknown.message().contains("company never"), "{unknown:?}");
    let both = v1::AcknowledgeNoticeRequest { application_id: "ledgerly".into(), ..request.clone() };
    assert_eq!(violations(&world.notices(ADA).acknowledge_notice(both).await.unwrap_err()), ["company_id"]);
    let neither = v1::AcknowledgeNoticeRequest { company_id: String::new(), ..request };
    assert_eq!(violations(&world.notices(ADA).acknowledge_notice(neither).await.unwrap_err()), ["application_id"]);
    let both =
        v1::ListNoticesRequest { application_id: "ledgerly".into(), company_id: NEVER.into(), ..Default::default() };
    assert_eq!(violations(&world.notices("").list_notices(both).await.unwrap_err()), ["company_id"]);
    let no_class = v1::notice_subject::Subject::CredentialClass(false);
    let no_class = v1::GetNoticeProgressRequest {
        subject: Some(v1::NoticeSubject { subject: Some(no_class) }),
        revision_number: 0,
    };
    let status = world.notices("").get_notice_progress(no_class).await.unwrap_err();
    assert_eq!(violations(&status), ["subject.credential_class"]);
    let none = v1::GetNoticeProgressRequest { subject: class(), revision_number: 2 };
    assert_eq!(refused(world.notices("").get_notice_progress(none).await), "SCHEDULE_NOT_FOUND");
}

#[tokio::test]
async fn a_class_whose_notices_fail_stands_in_nobodys_way() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.company(NEVER, CAROL).await;
    world.account(CAROL, NEVER, "sa-never", undefined()).await.unwrap();
    let sunset = start() + days(400);
    let dates = v1::ReviseCredentialClassRequest { deprecate: time(start()), ..revision(time(sunset), time(sunset)) };
    world.revise(dates).await.unwrap();
    world.change(step(target("1.0"), deprecate(None, Some(sunset)))).await.unwrap();
    let key = encode_key(&RecordKey::ClassRevision(1));
    let damage = Batch {
        instant: world.hub().now(),
        expectations: Vec::new(),
        after_all: false,
        guard: None,
        writes: vec![Write { key, value: Some(Bytes::from_static(b"?")) }],
        facts: vec![Bytes::new()],
    };
    assert!(matches!(world.hub().store().commit(damage).await.unwrap(), Verdict::Committed(_)));
    world.clock.set(sunset - days(90));
    for _ in 0..3 {
        world.hub().cry(world.hub().now()).await.expect_err("the class cannot be told");
    }
    assert_eq!(crate::noticing::told(&world, "app").await, ["2 ANNOUNCED", "2 T-90"]);
    assert_eq!(world.heard_of(NEVER).await, ["1 ANNOUNCED"]);
    let request = v1::GetNoticeProgressRequest { subject: schedule(target("1.0")), revision_number: 0 };
    world.notices("").get_notice_progress(request).await.unwrap();
}

/// A run that is cut goes on with the next holder, over the border between applications and companies too.
#[tokio::test]
async fn b33_a_run_that_is_cut_goes_on_with_the_next_holder() {
    for applications in [3, 256, 300] {
        let clock = ManualClock::at(start());
        let faults = Faults::new();
        let store = Arc::new(Memory::with_faults(Arc::clone(&faults)).unwrap());
        let hub = Hub::open(store, rules(), Arc::new(clock.clone())).unwrap();
        let operator: Actor = OPERATOR.parse().unwrap();
        let execute = async |command| hub.execute(operator.clone(), command, Request::once()).await.unwrap();
        for number in 0..300 {
            let company = format!("company-{number:03}");
            execute(scenario::company(&company)).await;
            let application = format!("app-{:03}", number % applications);
            if number < applications {
                execute(crate::racing::scenario::application(&application)).await;
            }
            execute(scenario::account(&company, &format!("sa-{number:03}"), Some(&application))).await;
        }
        execute(scenario::dates(start(), None, Some(start() + days(400)))).await;
        // The disk is full after the first of several commits.
        let (full, commits) = (Arc::clone(&faults), AtomicUsize::new(0));
        faults.before_sync(Some(Arc::new(move || {
            if commits.fetch_add(1, Ordering::SeqCst) == 1 {
                full.start(Fault::DiskFull);
            }
        })));
        hub.cry(hub.now()).await.expect_err("the disk is full");
        faults.before_sync(None);
        faults.stop(Fault::DiskFull);
        let announced = || {
            let progress = hub.notice_progress(&NoticeSubject::CredentialClass, 1).unwrap().milestones.remove(0);
            assert_eq!(progress.milestone, Milestone::Announced);
            let run = progress.run.unwrap();
            (progress.progress, run.applications, run.companies)
        };
        let first = applications.min(256) as u64;
        assert_eq!(announced(), (Progress::Running, first, 256 - first));
        hub.cry(hub.now()).await.unwrap();
        assert_eq!(announced(), (Progress::Given, applications as u64, 300));
        assert_eq!(hub.notices_given(), applications as u64 + 300);
    }
}
