//! Rule B88, the other way: an extension that was granted may end sooner, and never in the past.

use chrono::{DateTime, Utc};
use devhub::wire::timestamp;
use devhub_proto::v1;

use crate::accounts::{CAROL, company, revision, time, undefined};
use crate::companies::{about, decided};
use crate::world::*;

fn shorten(until: Option<DateTime<Utc>>) -> v1::ShortenServiceAccountExtensionRequest {
    v1::ShortenServiceAccountExtensionRequest {
        company_id: "42".into(),
        until_time: until.map(timestamp),
        reason: "payroll has moved".into(),
        ..Default::default()
    }
}

fn sunset() -> DateTime<Utc> {
    start() + days(100)
}

fn granted() -> DateTime<Utc> {
    sunset() + days(60)
}

impl World {
    async fn shorten(
        &self,
        actor: &'static str,
        request: v1::ShortenServiceAccountExtensionRequest,
    ) -> Result<v1::AccountExtension, tonic::Status> {
        let answer = self.accounts(actor).shorten_service_account_extension(request).await?.into_inner();
        Ok(answer.company.unwrap().extension.unwrap())
    }

    /// What the company's account is told at an instant.
    async fn at(&self, now: DateTime<Utc>) -> String {
        self.clock.set(now);
        words(&decided(self, about("account", None, None)).await)
    }

    /// A company with an account that calls as `client("account")`, and a sunset; without an extension so far.
    async fn ending() -> World {
        let world = World::usual().await;
        world.publish_scoped().await;
        let company = v1::Company { tenancy: v1::Tenancy::DevelopmentSandbox.into(), ..company("42", CAROL) };
        let request = v1::CreateCompanyRequest { company: Some(company), ..Default::default() };
        world.companies(OPERATOR).create_company(request).await.unwrap();
        world.account(CAROL, "42", "sa-other", undefined()).await.unwrap();
        let account = v1::ServiceAccount {
            account_id: "sa-1".into(),
            company_id: "42".into(),
            client_id: client("account"),
            name: "Payroll".into(),
            ..Default::default()
        };
        let request = v1::CreateServiceAccountRequest { account: Some(account), ..Default::default() };
        world.accounts(OPERATOR).create_service_account(request).await.unwrap();
        let dates = v1::ReviseCredentialClassRequest { deprecate: time(start()), ..revision(None, time(sunset())) };
        world.revise(dates).await.unwrap();
        world
    }

    async fn extended() -> World {
        let world = World::ending().await;
        let extend = v1::ExtendServiceAccountsRequest {
            company_id: "42".into(),
            until_time: Some(timestamp(granted())),
            reason: "payroll closes in April".into(),
            approver: "Head of APIs".into(),
            ..Default::default()
        };
        world.accounts(OPERATOR).extend_service_accounts(extend).await.unwrap();
        world
    }
}

const ALLOW: &str = "ALLOW SERVICE_ACCOUNT";
const DENY: &str = "DENY SERVICE_ACCOUNT_SUNSET";

#[tokio::test]
async fn b88_an_extension_ends_sooner_at_the_instant_that_is_named() {
    let world = World::extended().await;
    world.clock.set(start() + days(10));
    let end = sunset() + days(20);
    let table = [
        (CAROL, shorten(Some(end)), "OPERATOR_REQUIRED"),
        (
            OPERATOR,
            v1::ShortenServiceAccountExtensionRequest { company_id: "7".into(), ..shorten(None) },
            "COMPANY_NOT_FOUND",
        ),
        (
            OPERATOR,
            v1::ShortenServiceAccountExtensionRequest { reason: String::new(), ..shorten(None) },
            "INVALID_FIELD",
        ),
        (OPERATOR, v1::ShortenServiceAccountExtensionRequest { etag: "1".into(), ..shorten(None) }, "ETAG_MISMATCH"),
        (OPERATOR, shorten(Some(granted())), "EXTENSION_REFUSED"),
        (OPERATOR, shorten(Some(granted() + ms(1))), "EXTENSION_REFUSED"),
        (OPERATOR, shorten(Some(start() + days(10) - ms(1))), "INSTANT_IN_PAST"),
    ];
    for (actor, request, expected) in table {
        assert_eq!(refused(world.shorten(actor, request).await), expected);
    }
    let extension = world.shorten(OPERATOR, shorten(Some(end))).await.unwrap();
    assert_eq!(
        (extension.until_time, extension.granted_until_time),
        (Some(timestamp(end)), Some(timestamp(granted())))
    );
    assert_eq!((extension.shortened_by.as_str(), extension.shorten_reason.as_str()), (OPERATOR, "payroll has moved"));
    assert_eq!((extension.granted_by.as_str(), extension.approver.as_str()), (OPERATOR, "Head of APIs"));
    let sooner = world.shorten(OPERATOR, shorten(Some(end - days(1)))).await.unwrap();
    assert_eq!(sooner.granted_until_time, Some(timestamp(granted())), "not what it was shortened to in between");
    let end = end - days(1);
    for (now, expected) in [(sunset(), ALLOW), (end - ms(1), ALLOW), (end, DENY), (end + ms(1), DENY)] {
        assert_eq!(world.at(now).await, expected, "{now}");
    }
    assert_eq!(refused(world.shorten(OPERATOR, shorten(None)).await), "NOTHING_TO_DO");
    let kinds = vec![v1::FactKind::ServiceAccountsExtensionShortened.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    assert_eq!((facts.len(), facts[0].company_id.as_str(), facts[0].reason.as_str()), (2, "42", "payroll has moved"));
    assert_eq!(facts[0].changes[0].field, "extended_until");
}

#[tokio::test]
async fn b88_an_extension_is_revoked_at_once_and_stays_the_one() {
    let mut world = World::extended().await;
    let now = sunset() + days(5);
    assert_eq!(world.at(now - ms(1)).await, ALLOW);
    world.clock.set(now);
    world.shorten(OPERATOR, shorten(None)).await.unwrap();
    world.clock.set(now + ms(1));
    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        assert_eq!(world.at(now + ms(1)).await, DENY);
    }
    let again = v1::ExtendServiceAccountsRequest {
        company_id: "42".into(),
        until_time: Some(timestamp(granted())),
        reason: "again".into(),
        approver: "Head of APIs".into(),
        ..Default::default()
    };
    assert_eq!(refused(world.accounts(OPERATOR).extend_service_accounts(again).await), "EXTENSION_GRANTED");
}

#[tokio::test]
async fn b88_what_is_revoked_before_the_sunset_ends_with_the_sunset() {
    let world = World::extended().await;
    world.clock.set(start() + days(50));
    world.shorten(OPERATOR, shorten(None)).await.unwrap();
    for (now, expected) in [(sunset() - ms(1), ALLOW), (sunset(), DENY), (sunset() + ms(1), DENY)] {
        assert_eq!(world.at(now).await, expected, "{now}");
    }
    let without = World::ending().await;
    assert_eq!(refused(without.shorten(OPERATOR, shorten(None)).await), "EXTENSION_NOT_FOUND");
}
