//! Service accounts from another system: rules B67, B82 and B92, and what an import promises of order and repetition.

use devhub::wire::timestamp;
use devhub_proto::v1;
use tokio_stream::wrappers::ReceiverStream;

use crate::accounts::{CAROL, DAVE, custom, marketplace, undefined};
use crate::world::*;

/// An account that another system knows by its client id.
fn account(company: &str, client_id: &str) -> v1::ServiceAccount {
    v1::ServiceAccount {
        company_id: company.into(),
        client_id: client_id.into(),
        name: format!("Account {client_id}"),
        create_time: Some(timestamp(instant("2020-01-01T00:00:00Z"))),
        ..Default::default()
    }
}

fn message(accounts: Vec<v1::ServiceAccount>, validate_only: bool) -> v1::ImportServiceAccountsRequest {
    v1::ImportServiceAccountsRequest { accounts, validate_only }
}

impl World {
    /// What the hub answers to these messages, a word for each account.
    async fn bring(
        &self,
        actor: &'static str,
        messages: Vec<v1::ImportServiceAccountsRequest>,
    ) -> Result<Vec<Vec<String>>, tonic::Status> {
        let request = tokio_stream::iter(messages);
        let mut answers = self.accounts(actor).import_service_accounts(request).await?.into_inner();
        let mut told = Vec::new();
        while let Some(answer) = answers.message().await? {
            told.push(answer.verdicts.iter().map(word).collect());
        }
        Ok(told)
    }

    /// What becomes of one message.
    async fn bring_one(&self, accounts: Vec<v1::ServiceAccount>, validate_only: bool) -> Vec<String> {
        self.bring(OPERATOR, vec![message(accounts, validate_only)]).await.unwrap().remove(0)
    }

    async fn accounts_of(&self, company: &str) -> Vec<v1::ServiceAccount> {
        let request =
            v1::ListServiceAccountsRequest { company_id: company.into(), page_size: 200, ..Default::default() };
        self.accounts("").list_service_accounts(request).await.unwrap().into_inner().accounts
    }
}

pub(crate) fn word(verdict: &v1::ImportVerdict) -> String {
    assert_eq!(verdict.reason.is_empty(), verdict.message.is_empty(), "{verdict:?}");
    match verdict.outcome() {
        v1::ImportOutcome::Imported => "imported".to_owned(),
        v1::ImportOutcome::Unchanged => "unchanged".to_owned(),
        v1::ImportOutcome::Refused | v1::ImportOutcome::Unspecified => verdict.reason.clone(),
    }
}

#[tokio::test]
async fn b67_b82_accounts_are_brought_after_the_cut_off_and_a_repetition_changes_nothing() {
    let world = World::usual().await;
    world.company("42", CAROL).await;
    world.company("7", DAVE).await;
    world.application("replacement").await;
    // The door was closed long ago.
    let closed = v1::ReviseCredentialClassRequest {
        deprecate: Some(v1::ClassDate { value: Some(v1::class_date::Value::Time(timestamp(start()))) }),
        ..crate::accounts::revision(
            Some(v1::ClassDate { value: Some(v1::class_date::Value::Time(timestamp(start() + days(40)))) }),
            None,
        )
    };
    world.revise(closed).await.unwrap();
    world.clock.advance(days(41));
    assert_eq!(refused(world.account(CAROL, "42", "sa-new", undefined()).await), "CREATION_CLOSED");

    let typed = |account_type| v1::ServiceAccount { account_type: Some(account_type), ..account("42", "client-typed") };
    let rows = || {
        vec![
            account("42", "client-one"),
            account("99", "client-two"),
            v1::ServiceAccount { account_id: "sa-own-id".into(), ..account("7", "client-three") },
            typed(marketplace("replacement")),
            v1::ServiceAccount { account_type: Some(marketplace("nobody")), ..account("42", "client-five") },
            v1::ServiceAccount { create_time: None, ..account("42", "client-six") },
            v1::ServiceAccount { create_time: Some(timestamp(start() + days(42))), ..account("42", "client-ahead") },
            account("42", "short"),
        ]
    };
    let expected = [
        "imported",
        "COMPANY_NOT_FOUND",
        "imported",
        "imported",
        "APPLICATION_NOT_FOUND",
        "INVALID_FIELD",
        "INVALID_FIELD",
        "INVALID_FIELD",
    ];
    assert_eq!(world.bring_one(rows(), true).await, expected);
    assert!(world.accounts_of("42").await.is_empty(), "judged only");
    assert_eq!(world.bring_one(rows(), false).await, expected);
    let again = expected.map(|word| if word == "imported" { "unchanged" } else { word });
    assert_eq!(world.bring_one(rows(), false).await, again);
    let undefined_only = v1::ListServiceAccountsRequest { undefined_only: true, ..Default::default() };
    let unknown = world.accounts("").list_service_accounts(undefined_only).await.unwrap().into_inner().accounts;
    assert_eq!(unknown.len(), 2, "B82: nobody has said whose they are");

    // What was said since is no disagreement; what the row says otherwise is one.
    let one = world.accounts_of("42").await.into_iter().find(|known| known.client_id == "client-one").unwrap();
    let classify = v1::ClassifyServiceAccountRequest {
        company_id: "42".into(),
        account_id: one.account_id.clone(),
        account_type: Some(custom("bob@example.com")),
        ..Default::default()
    };
    world.accounts(CAROL).classify_service_account(classify).await.unwrap();
    let renamed = v1::ServiceAccount { name: "Other".into(), ..account("42", "client-one") };
    let elsewhere = account("7", "client-one");
    for (row, expected) in [
        (account("42", "client-one"), "unchanged"),
        (renamed, "SERVICE_ACCOUNT_DIFFERS"),
        (typed(custom("eve@example.com")), "SERVICE_ACCOUNT_DIFFERS"),
        (elsewhere, "ALREADY_EXISTS"),
    ] {
        assert_eq!(world.bring_one(vec![row], false).await, [expected]);
    }
    // What was removed here does not come back.
    let remove = v1::RemoveServiceAccountRequest {
        company_id: "42".into(),
        account_id: one.account_id,
        reason: "replaced".into(),
        ..Default::default()
    };
    world.accounts(CAROL).remove_service_account(remove).await.unwrap();
    assert_eq!(world.bring_one(vec![account("42", "client-one")], false).await, ["SERVICE_ACCOUNT_REMOVED"]);
}

/// Each account changes the record of its company, so many of one company would get in each other's way; and which of
/// them are one too many must not depend on chance.
#[tokio::test]
async fn accounts_of_a_company_are_brought_in_order_across_messages() {
    let world = World::new().await;
    for id in ["1", "2", "3"] {
        world.company(id, CAROL).await;
    }
    // 70 messages of three companies in turn: 210 accounts for each, of which 200 fit.
    let number = |message: usize, position: usize| message * 9 + position;
    let rows = |message: usize| {
        (0..9).map(move |position| {
            account(&((position % 3) + 1).to_string(), &format!("client-{:04}", number(message, position)))
        })
    };
    let messages = (0..70).map(|n| message(rows(n).collect(), false)).collect();
    let told = world.bring(OPERATOR, messages).await.unwrap();
    assert_eq!(told.len(), 70);
    for (n, words) in told.iter().enumerate() {
        for (position, word) in words.iter().enumerate() {
            let place = number(n, position) / 3;
            assert_eq!(word, if place < 200 { "imported" } else { "LIMIT_REACHED" }, "message {n}, account {position}");
        }
    }
    for id in ["1", "2", "3"] {
        let request = v1::GetCompanyRequest { company_id: id.into() };
        let company = world.companies("").get_company(request).await.unwrap().into_inner().company.unwrap();
        assert_eq!(company.account_count, 200);
    }
    let first = world.accounts_of("1").await.into_iter().map(|account| account.client_id).collect::<Vec<_>>();
    assert!(first.contains(&"client-0000".to_owned()) && !first.contains(&"client-0600".to_owned()));
}

#[tokio::test]
async fn an_answer_comes_before_the_next_message_is_sent() {
    let world = World::new().await;
    world.company("42", CAROL).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut client = world.accounts(OPERATOR);
    let mut answers = client.import_service_accounts(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    for n in 0..3 {
        sender.send(message(vec![account("42", &format!("client-{n}"))], false)).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.verdicts.iter().map(word).collect::<Vec<_>>(), ["imported"]);
    }
    drop(sender);
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn an_import_is_for_operators_and_bounded() {
    let world = World::new().await;
    world.company("42", CAROL).await;
    let over = vec![account("42", "client-one"); 501];
    let status = world.bring(OPERATOR, vec![message(over, true)]).await.unwrap_err();
    assert_eq!(violations(&status), ["accounts"]);
    assert_eq!(refused(world.bring(CAROL, vec![message(Vec::new(), false)]).await), "OPERATOR_REQUIRED");
    assert!(world.bring(OPERATOR, Vec::new()).await.unwrap().is_empty());
    assert_eq!(refused(world.bring("", vec![message(Vec::new(), false)]).await), "ACTOR_REQUIRED");
}

#[tokio::test]
async fn b92_whoever_may_not_bring_accounts_leaves_a_fact_too() {
    let world = World::new().await;
    world.company("42", CAROL).await;
    let refusal = world.bring(CAROL, vec![message(vec![account("42", "client-one")], false)]).await;
    assert_eq!(refused(refusal), "OPERATOR_REQUIRED");
    let kinds = vec![v1::FactKind::CommandRefused.into()];
    let facts = world.all_facts(v1::FactFilter { kinds, ..Default::default() }).await;
    let fact = (facts[0].refused_command.as_str(), facts[0].refusal.as_str());
    assert_eq!(fact, ("ImportServiceAccounts", "OPERATOR_REQUIRED"));
}
