//! What is told of the dates of traditional service accounts: to companies that have some, and to the applications that
//! replace them. The five revisions as they were published, notice by notice, and what can go wrong on the way.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use devhub::wire::{instant as from_wire, timestamp};
use devhub_proto::v1;

use crate::accounts::{CAROL, marketplace, revision, time, undefined};
use crate::golden;
use crate::migrating::{EARLY, NEVER, OVERLAP, before};
use crate::promoting::app_version;
use crate::world::*;

pub(crate) fn class() -> Option<v1::NoticeSubject> {
    Some(v1::NoticeSubject { subject: Some(v1::notice_subject::Subject::CredentialClass(true)) })
}

fn milestone(milestone: v1::NoticeMilestone, countdown_days: u32) -> String {
    match countdown_days {
        0 => milestone.as_str_name().trim_start_matches("NOTICE_MILESTONE_").to_owned(),
        days => format!("T-{days}"),
    }
}

impl World {
    /// All notices of a company, or where that is empty of an application, oldest first.
    pub(crate) async fn notices_about(&self, company: &str, application: &str) -> Vec<v1::Notice> {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = v1::ListNoticesRequest {
                application_id: application.into(),
                company_id: company.into(),
                page_size: 3,
                page_token,
                ..Default::default()
            };
            let page = self.notices("").list_notices(request).await.unwrap().into_inner();
            found.extend(page.notices);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                found.reverse();
                return found;
            }
        }
    }

    /// Revision, milestone and due time of each notice, oldest first.
    async fn heard(&self, company: &str, application: &str) -> Vec<String> {
        let line = |notice: &v1::Notice| {
            let due = from_wire(&notice.due_time.unwrap()).unwrap();
            let word = milestone(notice.milestone(), notice.countdown_days);
            format!("{} {word} {}", notice.revision_number, due.format("%Y-%m-%dT%H:%MZ"))
        };
        self.notices_about(company, application).await.iter().map(line).collect()
    }

    /// The same without due times.
    pub(crate) async fn heard_of(&self, company: &str) -> Vec<String> {
        let heard = self.heard(company, "").await;
        heard.iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    }

    /// Waits until `end`, awake at every instant at which something is due.
    pub(crate) async fn wait_until(&self, end: DateTime<Utc>) {
        while let Some(until) = self.hub().until_next_cry(self.hub().now()) {
            let due = self.hub().now() + until;
            if due > end {
                break;
            }
            self.clock.set(due);
            self.cry().await;
        }
        self.clock.set(end);
        self.cry().await;
    }

    async fn class_progress(&self, number: u32) -> Vec<String> {
        let request = v1::GetNoticeProgressRequest { subject: class(), revision_number: number };
        let progress = self.notices("").get_notice_progress(request).await.unwrap().into_inner();
        let line = |m: &v1::NoticeProgress| {
            let state = m.state().as_str_name().trim_start_matches("NOTICE_PROGRESS_STATE_");
            let word = milestone(m.milestone(), m.countdown_days);
            format!("{word} {state} {}+{}", m.applications, m.companies)
        };
        progress.milestones.iter().map(line).collect()
    }
}

/// The real timeline (domain.md 2.3), heard by three companies and by the developer. Every notice, in order, with its due
/// time; what each says stands in the transcript.
#[tokio::test]
async fn b71_b91_the_real_timeline_is_told_to_every_company_and_to_the_developer() {
    let mut world = before().await;
    world.account(CAROL, EARLY, "sa-early", marketplace("ledgerly")).await.unwrap();
    world.account(CAROL, OVERLAP, "sa-overlap", undefined()).await.unwrap();
    world.account(CAROL, NEVER, "sa-never", marketplace("ledgerly")).await.unwrap();
    let wait = async |world: &World, text: &str| world.wait_until(instant(text)).await;
    world.announce(0).await;
    wait(&world, "2022-03-01T00:00:00Z").await;
    world.make(app_version("ledgerly", "1.0.0")).await.unwrap();
    world.promote_app("ledgerly", "1.0.0").await.unwrap();
    wait(&world, "2022-04-01T00:00:00Z").await;
    world.installs(EARLY).await;
    wait(&world, "2022-05-01T00:00:00Z").await;
    world.removes(EARLY).await;
    wait(&world, "2022-12-01T08:00:00Z").await;
    world.announce(1).await;
    world.account(CAROL, NEVER, "sa-reopened", marketplace("ledgerly")).await.unwrap();
    world.restart().await;
    wait(&world, "2024-01-29T08:00:00Z").await;
    world.announce(2).await;
    let classify = v1::ClassifyServiceAccountRequest {
        company_id: OVERLAP.into(),
        account_id: "sa-overlap".into(),
        account_type: Some(marketplace("ledgerly")),
        ..Default::default()
    };
    world.accounts(CAROL).classify_service_account(classify).await.unwrap();
    wait(&world, "2024-12-03T08:00:00Z").await;
    world.announce(3).await;
    world.restart().await;
    wait(&world, "2025-01-29T08:00:00Z").await;
    world.announce(4).await;
    wait(&world, "2025-03-02T00:00:00Z").await;
    world.installs(OVERLAP).await;
    wait(&world, "2025-06-01T00:00:00Z").await;
    world.restart().await;

    let from_r0 = ["1 ANNOUNCED 2021-12-09T08:00Z"];
    let rest = [
        "1 CREATION_ENDS 2022-08-01T07:00Z",
        "1 T-90 2022-11-02T08:00Z",
        "2 ANNOUNCED 2022-12-01T08:00Z",
        "3 ANNOUNCED 2024-01-29T08:00Z",
        "3 CREATION_ENDS 2024-10-01T07:00Z",
        "3 T-90 2024-10-02T08:00Z",
        "3 T-30 2024-12-01T08:00Z",
        "4 ANNOUNCED 2024-12-03T08:00Z",
        "4 T-90 2024-12-24T07:00Z",
        "4 CREATION_ENDS 2025-01-21T08:00Z",
        "5 ANNOUNCED 2025-01-29T08:00Z",
        "5 T-30 2025-02-16T07:00Z",
        "5 T-7 2025-03-11T07:00Z",
        "5 T-1 2025-03-17T07:00Z",
        "5 SUNSET 2025-03-18T07:00Z",
    ];
    let all: Vec<&str> = from_r0.into_iter().chain(rest).collect();
    assert_eq!(world.heard(EARLY, "").await, from_r0, "it has removed its account before anything else came");
    for (company, application) in [(OVERLAP, ""), (NEVER, ""), ("", "ledgerly")] {
        assert_eq!(world.heard(company, application).await, all, "{company}{application}");
    }
    assert_eq!(
        world.class_progress(1).await,
        [
            "ANNOUNCED GIVEN 1+3",
            "CREATION_ENDS GIVEN 1+2",
            "T-90 GIVEN 1+2",
            "T-30 DROPPED 0+0",
            "T-7 DROPPED 0+0",
            "T-1 DROPPED 0+0",
            "SUNSET DROPPED 0+0",
        ]
    );
    let last = ["ANNOUNCED", "T-30", "T-7", "T-1", "SUNSET"].map(|word| format!("{word} GIVEN 1+2"));
    assert_eq!(world.class_progress(0).await, last);

    let mut told = Vec::new();
    for (company, application) in [(EARLY, ""), (OVERLAP, ""), (NEVER, ""), ("", "ledgerly")] {
        told.extend(world.notices_about(company, application).await);
    }
    told.sort_by_key(|notice| notice.due_time.unwrap().seconds);
    let (mut text, mut due) = (String::new(), None);
    for notice in told {
        assert_eq!(from_wire(&notice.give_time.unwrap()).unwrap().timestamp(), notice.due_time.unwrap().seconds);
        if due != notice.due_time {
            due = notice.due_time;
            let word = milestone(notice.milestone(), notice.countdown_days);
            let at = from_wire(&due.unwrap()).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
            writeln!(text, "\n{at} {word} of revision {}", notice.revision_number).unwrap();
        }
        let holder = match notice.company_id.as_str() {
            "" => format!("application {}", notice.application_id),
            company => format!("company {company}"),
        };
        writeln!(text, "  to {} ({holder})", notice.recipients.join(", ")).unwrap();
        for sentence in notice.sentences {
            writeln!(text, "    {sentence}").unwrap();
        }
    }
    golden::compare("tests/it/golden/story-service-accounts.txt", text.trim_start());
}

/// A deprecation a year ahead and a sunset two years ahead, and who has accounts.
pub(crate) async fn announced() -> (World, DateTime<Utc>) {
    let world = World::new().await;
    world.production_app("ledgerly").await;
    for company in [EARLY, NEVER] {
        world.company(company, CAROL).await;
        world.account(CAROL, company, &format!("sa-{company}"), marketplace("ledgerly")).await.unwrap();
    }
    let sunset = start() + days(700);
    let dates = v1::ReviseCredentialClassRequest {
        deprecate: time(start() + days(300)),
        ..revision(time(start() + days(600)), time(sunset))
    };
    world.revise(dates).await.unwrap();
    (world, sunset)
}

#[tokio::test]
async fn b91_each_milestone_of_the_class_comes_on_its_instant_and_once() {
    let (world, sunset) = announced().await;
    let due = [
        (start() + days(300), "1 DEPRECATED"),
        (start() + days(600), "1 CREATION_ENDS"),
        (sunset - days(90), "1 T-90"),
        (sunset - days(30), "1 T-30"),
        (sunset - days(7), "1 T-7"),
        (sunset - days(1), "1 T-1"),
        (sunset, "1 SUNSET"),
    ];
    let mut expected = vec!["1 ANNOUNCED"];
    for (at, name) in due {
        for (now, has_come) in [(at - ms(1), false), (at, true), (at + ms(1), true)] {
            world.clock.set(now);
            world.cry().await;
            if has_come && expected.last() != Some(&name) {
                expected.push(name);
            }
            assert_eq!(world.heard_of(NEVER).await, expected, "at {now}");
        }
    }
    let facts = v1::FactFilter { kinds: vec![v1::FactKind::NoticesCompleted.into()], ..Default::default() };
    let facts = world.all_facts(facts).await;
    assert_eq!((facts.len(), facts[0].actor.as_str()), (8, "process:crier"));
    assert!(facts[0].changes.iter().any(|change| change.field == "companies" && change.after == "2"), "{:?}", facts[0]);
}

#[tokio::test]
async fn b91_who_removes_its_last_account_hears_no_more_and_a_superseded_sunset_is_not_counted_down() {
    let (world, sunset) = announced().await;
    world.account(CAROL, EARLY, "sa-second", undefined()).await.unwrap();
    world.wait_until(sunset - days(30)).await;
    world.removes(EARLY).await;
    world.wait_until(sunset - days(20)).await;
    let remove = v1::RemoveServiceAccountRequest {
        company_id: EARLY.into(),
        account_id: "sa-second".into(),
        acknowledge_recent_use: true,
        reason: "replaced".into(),
        ..Default::default()
    };
    world.accounts(CAROL).remove_service_account(remove).await.unwrap();
    let before_it = ["1 ANNOUNCED", "1 DEPRECATED", "1 CREATION_ENDS", "1 T-90", "1 T-30"];
    // The sunset moves away three days before T-7: it is not counted down any more, and counted down anew later.
    world.wait_until(sunset - days(10)).await;
    let later = sunset + days(100);
    world.revise(revision(None, time(later))).await.unwrap();
    world.wait_until(later).await;
    assert_eq!(world.heard_of(EARLY).await, before_it, "neither T-7 nor anything after it");
    let anew = ["2 ANNOUNCED", "2 T-90", "2 T-30", "2 T-7", "2 T-1", "2 SUNSET"];
    assert_eq!(world.heard_of(NEVER).await, [&before_it[..], &anew[..]].concat());
    let first = world.class_progress(1).await;
    assert_eq!(first[5..], ["T-7 DROPPED 0+0", "T-1 DROPPED 0+0", "SUNSET DROPPED 0+0"]);
    let ledgerly = world.notices_about("", "ledgerly").await;
    let count =
        |number: usize| ledgerly[number].sentences.iter().find(|text| text.contains("such accounts for")).unwrap();
    assert!(count(0).starts_with("2 companies have such accounts for this application, 2 at risk"), "{}", count(0));
    assert!(count(5).starts_with("1 company has such accounts for this application, 1 at risk"), "{}", count(5));
}

#[tokio::test]
async fn b88_the_countdown_of_a_company_with_an_extension_speaks_of_its_own_date() {
    let (world, sunset) = announced().await;
    let own = sunset + days(30);
    let extend = v1::ExtendServiceAccountsRequest {
        company_id: NEVER.into(),
        until_time: Some(timestamp(own)),
        reason: "payroll".into(),
        approver: "Head of APIs".into(),
        ..Default::default()
    };
    world.accounts(OPERATOR).extend_service_accounts(extend).await.unwrap();
    for (now, left) in [(sunset - days(7), "37 days"), (sunset, "30 days")] {
        world.wait_until(now).await;
        let told = world.notices_about(NEVER, "").await.pop().unwrap();
        let date = own.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let own = told.sentences.iter().find(|text| text.starts_with("The accounts of this company")).unwrap();
        assert!(own.contains(&date) && own.contains(left), "{own}");
        assert_eq!(told.end_time, Some(timestamp(sunset)), "the date of the class stays what it is");
        let other = world.notices_about(EARLY, "").await.pop().unwrap();
        assert!(!other.sentences.iter().any(|text| text.contains(&date)), "{other:?}");
    }
}

/// What has passed when it is put on record is told with the announcement, not as if it came now.
#[tokio::test]
async fn b71_history_is_announced_and_none_of_its_past_milestones_is_given() {
    let world = World::new().await;
    world.production_app("ledgerly").await;
    world.company(NEVER, CAROL).await;
    world.account(CAROL, NEVER, "sa-never", marketplace("ledgerly")).await.unwrap();
    let (cutoff, sunset) = (start() - days(10), start() + days(50));
    let history = v1::ReviseCredentialClassRequest {
        deprecate: time(start() - days(400)),
        announce_time: Some(timestamp(start() - days(390))),
        override_reason: "as published".into(),
        ..revision(time(cutoff), time(sunset))
    };
    world.revise(history).await.unwrap();
    world.wait_until(sunset).await;
    let told = world.notices_about(NEVER, "").await;
    assert_eq!(world.heard_of(NEVER).await, ["1 ANNOUNCED", "1 T-30", "1 T-7", "1 T-1", "1 SUNSET"]);
    assert!(told[0].sentences.iter().any(|text| text.starts_with("Public since 2024-12-")), "{:?}", told[0].sentences);
}
