//! What one person alone must not do: it is proposed by one and approved by another, or done by one with a sealed code; on
//! record either way.

use chrono::{DateTime, Utc};
use devhub::config::TwoPersonRule;
use devhub::secret::add_code;
use devhub::wire::timestamp;
use devhub_proto::v1;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::waiving::grant;
use crate::world::*;

pub(crate) const OTTO: &str = "operator:otto";

/// The usual world, in which what is dangerous takes two persons, with Ada's application subscribed to 1.0.
async fn ruled() -> World {
    let world = World::with(|config| config.two_person_rule = TwoPersonRule::On).await;
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world
}

/// Retires 1.0 at once, for an emergency.
fn emergency(request: &mut v1::RetireApiVersionRequest) {
    request.override_reason = "it leaks".into();
    request.reason = "leak 17".into();
}

/// The id of the proposal that a call was kept as.
pub(crate) fn proposed<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    let status = result.expect_err("one person alone must not do this");
    assert_eq!((reason(&status).as_str(), status.code()), ("SECOND_PERSON_REQUIRED", Code::FailedPrecondition));
    status.get_details_error_info().unwrap().metadata["proposal_id"].clone()
}

impl World {
    pub(crate) async fn approve(&self, actor: &'static str, id: &str) -> Result<v1::ApproveProposalResponse, Status> {
        let request = v1::ApproveProposalRequest { proposal_id: id.into(), ..Default::default() };
        Ok(self.approvals(actor).approve_proposal(request).await?.into_inner())
    }

    async fn proposal(&self, id: &str) -> v1::Proposal {
        let request = v1::GetProposalRequest { proposal_id: id.into() };
        self.approvals(OTTO).get_proposal(request).await.unwrap().into_inner().proposal.unwrap()
    }

    async fn waiting(&self) -> Vec<String> {
        let page = self.approvals(OTTO).list_proposals(v1::ListProposalsRequest::default()).await.unwrap();
        page.into_inner().proposals.into_iter().map(|proposal| proposal.proposal_id).collect()
    }

    async fn decided(&self) -> String {
        words(&self.gateway().authorize(question("app", "1.0")).await.unwrap().into_inner())
    }

    async fn of_kind(&self, kind: v1::FactKind) -> Vec<v1::Fact> {
        self.all_facts(v1::FactFilter { kinds: vec![kind.into()], ..Default::default() }).await
    }

    async fn granted(&self, actor: &'static str, request: v1::GrantWaiverRequest) -> Result<(), Status> {
        self.waivers(actor).grant_waiver(request).await.map(drop)
    }
}

fn changed<'f>(fact: &'f v1::Fact, field: &str) -> &'f str {
    fact.changes.iter().find(|change| change.field == field).map_or("", |change| &change.after)
}

#[tokio::test]
async fn what_one_person_alone_must_not_do_waits_until_another_approves_it() {
    let world = ruled().await;
    let id = proposed(world.retire_with("1.0", emergency).await);
    assert_eq!(world.decided().await, "ALLOW SUBSCRIBED", "nothing is done yet");
    assert_eq!(world.waiting().await, std::slice::from_ref(&id));
    let proposal = world.proposal(&id).await;
    assert_eq!((proposal.state(), proposal.danger()), (v1::ProposalState::Waiting, v1::ProposalDanger::RetiresAtOnce));
    assert_eq!((proposal.call.as_str(), proposal.proposed_by.as_str()), ("RetireApiVersion", OPERATOR));
    assert_eq!(proposal.affected_subscriptions, 1);
    let told = proposal.would_record.join("\n");
    assert!(told.contains("VersionRetired") && told.contains(CONTEXT) && told.contains("leak 17"), "{told}");
    world.clock.advance(ms(60_000));
    let approved = world.approve(OTTO, &id).await.unwrap();
    assert_eq!(approved.proposal.unwrap().state(), v1::ProposalState::Approved);
    assert_eq!(world.decided().await, "DENY VERSION_RETIRED");
    assert!(world.waiting().await.is_empty());
    // The facts name both.
    let retired = &world.of_kind(v1::FactKind::VersionRetired).await[0];
    assert_eq!((retired.actor.as_str(), changed(retired, "approved_by")), (OPERATOR, OTTO));
    assert_eq!((changed(retired, "proposal"), retired.revision), (id.as_str(), approved.revision));
    let approval = &world.of_kind(v1::FactKind::ProposalApproved).await[0];
    assert_eq!((approval.actor.as_str(), changed(approval, "proposed_by")), (OTTO, OPERATOR));
    assert_eq!(approval.revision, approved.revision, "one commit");
    assert_eq!(refused(world.approve(OTTO, &id).await), "PROPOSAL_NOT_OPEN", "once");
}

#[tokio::test]
async fn nobody_approves_what_they_proposed_themselves() {
    let world = ruled().await;
    let id = proposed(world.retire_with("1.0", emergency).await);
    for own in [OPERATOR, "operator:Olga", "process:olga"] {
        let status = world.approve(own, &id).await.unwrap_err();
        assert_eq!((reason(&status).as_str(), status.code()), ("WRONG_PERSON", Code::PermissionDenied), "{own}");
    }
    assert_eq!(refused(world.approve(ADA, &id).await), "OPERATOR_REQUIRED");
    assert_eq!(world.decided().await, "ALLOW SUBSCRIBED");
    let attempts = world.of_kind(v1::FactKind::CommandRefused).await;
    assert!(attempts.iter().any(|fact| fact.refusal == "WRONG_PERSON" && fact.actor == OPERATOR), "on record");
}

#[tokio::test]
async fn a_proposal_waits_until_an_instant_and_not_at_it() {
    for (offset, ends) in [(ms(-1), "approved"), (ms(0), "PROPOSAL_NOT_OPEN"), (ms(1), "PROPOSAL_NOT_OPEN")] {
        let world = ruled().await;
        let id = proposed(world.retire_with("1.0", emergency).await);
        let proposal = world.proposal(&id).await;
        let at = |time: Option<prost_types::Timestamp>| devhub::wire::instant(&time.unwrap()).unwrap();
        let expires_at: DateTime<Utc> = at(proposal.expire_time);
        assert_eq!(expires_at, at(proposal.propose_time) + days(1));
        world.clock.set(expires_at + offset);
        match world.approve(OTTO, &id).await {
            Ok(_) => assert_eq!((ends, world.decided().await.as_str()), ("approved", "DENY VERSION_RETIRED")),
            Err(status) => {
                assert_eq!((reason(&status).as_str(), world.decided().await.as_str()), (ends, "ALLOW SUBSCRIBED"));
                assert_eq!(world.proposal(&id).await.state(), v1::ProposalState::Expired);
                assert!(world.waiting().await.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn what_changed_since_it_was_proposed_is_not_approved() {
    let world = ruled().await;
    let id = proposed(world.retire_with("1.0", emergency).await);
    let update = v1::UpdateApiVersionRequest {
        context: CONTEXT.into(),
        version: "1.0".into(),
        description: Some("another".into()),
        ..Default::default()
    };
    world.apis(OPERATOR).update_api_version(update).await.unwrap();
    let status = world.approve(OTTO, &id).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), status.code()), ("PROPOSAL_STALE", Code::Aborted));
    // One more who would be turned away is one whom nobody has approved of.
    let id = proposed(world.retire_with("1.0", emergency).await);
    world.application("other").await;
    world.subscribe(ADA, "other", "1.0").await.unwrap();
    assert_eq!(refused(world.approve(OTTO, &id).await), "PROPOSAL_STALE");
    // One less is not.
    let id = proposed(world.retire_with("1.0", emergency).await);
    world.unsubscribe(ADA, "other", "1.0", true).await.unwrap();
    world.approve(OTTO, &id).await.unwrap();
    assert_eq!(world.decided().await, "DENY VERSION_RETIRED");
    let request = v1::ApproveProposalRequest { proposal_id: id.clone(), etag: "1".into(), ..Default::default() };
    assert_eq!(refused(world.approvals(OTTO).approve_proposal(request).await), "ETAG_MISMATCH");
}

#[tokio::test]
async fn an_end_sooner_than_promised_takes_two_and_one_with_notice_takes_one() {
    let world = ruled().await;
    let retire =
        |at: DateTime<Utc>| v1::lifecycle_change::Step::Retire(v1::RetireStep { retire_time: Some(timestamp(at)) });
    let target = || v1::ScheduleTarget {
        environment: v1::Environment::Sandbox.into(),
        target: Some(v1::schedule_target::Target::Version(v1::VersionName {
            context: CONTEXT.into(),
            version: "1.0".into(),
        })),
    };
    // With all the notice of the policy, one does it.
    world.deprecate("1.0", Some(start() + days(400)), Some(start() + days(1000))).await.unwrap();
    // An override that overrides nothing makes no difference.
    let later =
        v1::LifecycleChange { override_reason: "to be sure".into(), ..step(target(), retire(start() + days(1100))) };
    world.change(later).await.unwrap();
    let sooner = v1::LifecycleChange {
        override_reason: "it costs too much".into(),
        ..step(target(), retire(start() + days(401)))
    };
    let check = v1::ChangeLifecycleRequest { changes: vec![sooner.clone()], validate_only: true, ..Default::default() };
    let checked = world.schedules(OPERATOR).change_lifecycle(check).await.unwrap().into_inner();
    assert!(checked.warnings.iter().any(|warning| warning.contains("takes two persons")), "{:?}", checked.warnings);
    assert!(world.waiting().await.is_empty(), "what is only checked is not proposed");
    let id = proposed(world.change(sooner).await);
    let proposal = world.proposal(&id).await;
    assert_eq!((proposal.danger(), proposal.call.as_str()), (v1::ProposalDanger::WithoutNotice, "ChangeLifecycle"));
    let approved = world.approve(OTTO, &id).await.unwrap();
    world.cry().await;
    assert!(approved.revision > 0);
    let schedule = world.schedule(target(), None).await.unwrap().revision.unwrap();
    assert_eq!((schedule.number, schedule.actor.as_str()), (4, OPERATOR));
}

#[tokio::test]
async fn what_nobody_subscribes_to_is_retired_at_once_by_one_and_else_by_two() {
    let world = ruled().await;
    world.version("2.0", v1::Maturity::Alpha).await;
    world.waive("app", "2.0", v1::WaiverKind::NewSubscription, start() + days(30)).await;
    let soon = |request: &mut v1::RetireApiVersionRequest| request.retire_time = Some(timestamp(start() + days(1)));
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    let id = proposed(world.retire_with("2.0", soon).await);
    assert_eq!(world.proposal(&id).await.danger(), v1::ProposalDanger::RetiresAtOnce);
    // Two days ahead somebody can act on it, and the policy demands nothing more of an ALPHA.
    world.retire_with("2.0", |request| request.retire_time = Some(timestamp(start() + days(2)))).await.unwrap();
    world.version("3.0", v1::Maturity::Alpha).await;
    world.retire_with("3.0", |_| {}).await.unwrap();
}

#[tokio::test]
async fn a_waiver_past_the_cap_takes_two_and_one_within_it_takes_one() {
    let world = ruled().await;
    let past = start() + days(200);
    world.granted(OPERATOR, grant("app", "1.0", v1::WaiverKind::NewSubscription, start() + days(60))).await.unwrap();
    let id = proposed(world.granted(OPERATOR, grant("app", "1.0", v1::WaiverKind::NewSubscription, past)).await);
    assert_eq!(world.proposal(&id).await.danger(), v1::ProposalDanger::WaiverPastCap);
    world.approve(OTTO, &id).await.unwrap();
    let get = v1::GetWaiverRequest {
        application_id: "app".into(),
        context: CONTEXT.into(),
        version: "1.0".into(),
        kind: v1::WaiverKind::NewSubscription.into(),
    };
    let waiver = world.waivers("").get_waiver(get).await.unwrap().into_inner().waiver.unwrap();
    assert_eq!((waiver.until_time, waiver.granted_by.as_str()), (Some(timestamp(past)), OPERATOR));
    // Where the rule does not hold, the cap is one for everybody.
    let world = World::usual().await;
    let refusal = refused(world.granted(OPERATOR, grant("app", "1.0", v1::WaiverKind::NewSubscription, past)).await);
    assert_eq!(refusal, "WAIVER_TOO_LONG");
}

#[tokio::test]
async fn a_sunset_of_service_accounts_without_notice_takes_two() {
    let world = ruled().await;
    let now = v1::ReviseCredentialClassRequest {
        sunset_now: true,
        reason: "the keys leaked".into(),
        override_reason: "an emergency".into(),
        ..Default::default()
    };
    let id = proposed(world.classes(OPERATOR).revise_credential_class(now).await);
    world.approve(OTTO, &id).await.unwrap();
    let class = world.classes("").get_credential_class(v1::GetCredentialClassRequest::default()).await.unwrap();
    assert!(!class.into_inner().accepted);
}

#[tokio::test]
async fn a_proposal_is_withdrawn_by_its_own_and_rejected_by_others_and_told_once() {
    let world = ruled().await;
    let again = |request: &mut v1::RetireApiVersionRequest| {
        emergency(request);
        request.request_id = "again".into();
    };
    let id = proposed(world.retire_with("1.0", again).await);
    assert_eq!(proposed(world.retire_with("1.0", again).await), id, "the same request is the same proposal");
    let reject = |actor: &'static str, id: &str| {
        let request = v1::RejectProposalRequest { proposal_id: id.into(), reason: "no".into(), ..Default::default() };
        let mut client = world.approvals(actor);
        async move { client.reject_proposal(request).await.map(|answer| answer.into_inner().proposal.unwrap()) }
    };
    let withdraw = |actor: &'static str, id: &str| {
        let request = v1::WithdrawProposalRequest { proposal_id: id.into(), ..Default::default() };
        let mut client = world.approvals(actor);
        async move { client.withdraw_proposal(request).await.map(|answer| answer.into_inner().proposal.unwrap()) }
    };
    assert_eq!(refused(reject(OPERATOR, &id).await), "WRONG_PERSON");
    assert_eq!(refused(withdraw(OTTO, &id).await), "WRONG_PERSON");
    assert_eq!(withdraw(OPERATOR, &id).await.unwrap().state(), v1::ProposalState::Withdrawn);
    assert_eq!(refused(reject(OTTO, &id).await), "PROPOSAL_NOT_OPEN");
    let id = proposed(world.retire_with("1.0", again).await);
    let rejected = reject(OTTO, &id).await.unwrap();
    assert_eq!((rejected.state(), rejected.ended_by.as_str()), (v1::ProposalState::Rejected, OTTO));
    assert_eq!(refused(world.approve(OTTO, &id).await), "PROPOSAL_NOT_OPEN");
    assert_eq!(refused(world.approve(OTTO, "nothing").await), "PROPOSAL_NOT_FOUND");
    assert_eq!(world.decided().await, "ALLOW SUBSCRIBED");
}

#[tokio::test]
async fn so_many_proposals_wait_and_no_more_until_some_are_over() {
    let world = ruled().await;
    let each = async |number: i32| {
        let retired = world.retire_with("1.0", |request| {
            emergency(request);
            request.reason = format!("leak {number}");
        });
        retired.await
    };
    for number in 0..100 {
        proposed(each(number).await);
    }
    assert_eq!(refused(each(100).await), "LIMIT_REACHED");
    // Each was made a moment after the one before.
    world.clock.advance(days(1) + ms(1));
    proposed(each(100).await);
    assert_eq!(world.waiting().await.len(), 1);
}

#[tokio::test]
async fn where_the_rule_does_not_hold_one_person_does_it_as_ever() {
    let world = World::usual().await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    world.retire_with("1.0", emergency).await.unwrap();
    assert_eq!(world.decided().await, "DENY VERSION_RETIRED");
}

#[tokio::test]
async fn one_person_breaks_the_glass_once_for_each_code_and_it_stays_on_record() {
    let apart = tempfile::tempdir().unwrap();
    let (codes, key) = (apart.path().join("codes"), apart.path().join("key"));
    let (code, second) = (add_code(&codes).unwrap(), add_code(&codes).unwrap());
    let world = World::with(|config| {
        config.two_person_rule = TwoPersonRule::On;
        config.break_glass_file = Some(codes.clone());
    })
    .await;
    world.api().await;
    world.version("1.0", v1::Maturity::Stable).await;
    world.application("app").await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let id = proposed(world.retire_with("1.0", emergency).await);
    let broken = async |id: &str, reason: &str, code: &str| {
        let request = v1::BreakGlassRequest {
            proposal_id: id.into(),
            reason: reason.into(),
            code: code.into(),
            ..Default::default()
        };
        world.approvals(OPERATOR).break_glass(request).await.map(|answer| answer.into_inner().proposal.unwrap())
    };
    let why = "at three in the morning nobody else answers";
    let short = broken(&id, "nobody is awake", code.reveal()).await.unwrap_err();
    assert_eq!(violations(&short), ["reason"]);
    for none in ["", "dhs_guessed", "0"] {
        assert_eq!(refused(broken(&id, why, none).await), "BREAK_GLASS_REFUSED");
    }
    assert_eq!(world.decided().await, "ALLOW SUBSCRIBED");
    let done = broken(&id, why, code.reveal()).await.unwrap();
    assert_eq!((done.state(), done.ended_by.as_str()), (v1::ProposalState::BrokeGlass, OPERATOR));
    assert_eq!(world.decided().await, "DENY VERSION_RETIRED");
    assert_eq!(world.waiting().await, std::slice::from_ref(&id), "until somebody else has looked at it");
    let metrics = crate::enduring::admin(world.server().admin_address, "/metrics").await;
    assert!(metrics.contains("devhub_break_glass_unacknowledged 1"), "{metrics}");
    // The code is spent.
    world.version("2.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "2.0").await.unwrap();
    let next = proposed(world.retire_with("2.0", emergency).await);
    assert_eq!(refused(broken(&next, why, code.reveal()).await), "BREAK_GLASS_REFUSED");
    broken(&next, why, second.reveal()).await.unwrap();
    // Another operator has looked at it, and not the same.
    let acknowledged = async |actor: &'static str| {
        let request = v1::AcknowledgeBreakGlassRequest { proposal_id: id.clone(), ..Default::default() };
        world.approvals(actor).acknowledge_break_glass(request).await
    };
    assert_eq!(refused(acknowledged(OPERATOR).await), "WRONG_PERSON");
    let shown = acknowledged(OTTO).await.unwrap().into_inner().proposal.unwrap();
    assert_eq!((shown.state(), shown.acknowledged_by.as_str()), (v1::ProposalState::Acknowledged, OTTO));
    assert_eq!(refused(acknowledged(OTTO).await), "PROPOSAL_NOT_OPEN");
    assert_eq!(world.waiting().await, [next]);
    // What it leaves stands in the trail that leaves the house, and nothing can be taken out of that.
    devhub::audit::create(&key).unwrap();
    let (file, salts) = (apart.path().join("trail"), devhub::audit::read_key(&key).unwrap());
    devhub::audit::export(world.directory.path(), &file, salts.salts(), &[], String::new(), start()).unwrap();
    let mut reader = devhub::audit::Reader::open(&file).unwrap();
    let mut kinds = Vec::new();
    while let Some(step) = reader.next_entry().unwrap() {
        kinds.extend(devhub::audit::shown(&step.entry, |reference| reader.text(reference)).into_iter().filter(
            |fact| {
                fact.kind() == v1::FactKind::BrokeGlass && fact.reason == why && !changed(fact, "proposal").is_empty()
            },
        ));
    }
    assert_eq!(kinds.len(), 2);
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(53).any(|window| window == code.reveal().as_bytes()), "a code is told nowhere");
    let retired = world.of_kind(v1::FactKind::VersionRetired).await;
    assert!(retired.iter().all(|fact| changed(fact, "glass_broken_by") == OPERATOR), "{retired:?}");
}

#[tokio::test]
async fn without_codes_nobody_breaks_anything() {
    let world = ruled().await;
    let id = proposed(world.retire_with("1.0", emergency).await);
    let request = v1::BreakGlassRequest {
        proposal_id: id,
        reason: "at three in the morning nobody else answers".into(),
        code: "dhs_something".into(),
        ..Default::default()
    };
    let status = world.approvals(OPERATOR).break_glass(request).await.unwrap_err();
    assert!(status.message().contains("break_glass_file") && reason(&status) == "BREAK_GLASS_REFUSED", "{status:?}");
}
