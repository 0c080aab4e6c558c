//! No reply of any listener can be taken for an allow because something of it is missing.

use devhub_proto::v1;
use prost::Message as _;

use crate::world::*;

#[test]
fn what_was_never_filled_in_is_no_verdict() {
    let empty = v1::AuthorizeResponse::default();
    assert_eq!((empty.verdict(), empty.reason()), (v1::Verdict::Unspecified, v1::DecisionReason::Unspecified));
    assert_eq!(v1::AuthorizeResponse::decode(&[][..]).unwrap().verdict(), v1::Verdict::Unspecified);
    let unknown = v1::AuthorizeResponse { verdict: 99, ..Default::default() };
    assert_ne!(unknown.verdict(), v1::Verdict::Allow, "a verdict of a later release is none of this one's");
    assert_eq!(v1::VerifyCredentialsResponse::default().verdict(), v1::CredentialVerdict::Unspecified);
}

#[tokio::test]
async fn b61_b63_every_answer_says_its_verdict_and_its_reason_in_so_many_bytes() {
    let world = World::usual().await;
    world.application("other").await;
    world.version("2.0", v1::Maturity::Stable).await;
    world.subscribe(ADA, "app", "1.0").await.unwrap();
    let end = start() + days(400);
    world.deprecate("1.0", None, Some(end)).await.unwrap();
    let mut told = std::collections::BTreeSet::new();
    for now in [start() + ms(1), end - ms(1), end, end + ms(1)] {
        world.clock.set(now);
        let questions: Vec<_> = ["app", "other", "nobody"]
            .into_iter()
            .flat_map(|id| ["1.0", "2.0", "3.0"].map(|label| question(id, label)))
            .collect();
        let batch = v1::BatchAuthorizeRequest { questions: questions.clone(), ..Default::default() };
        let together = world.gateway().batch_authorize(batch).await.unwrap().into_inner();
        assert_eq!(together.results.len(), questions.len());
        for (asked, result) in questions.into_iter().zip(together.results) {
            let answer = world.gateway().authorize(asked).await.unwrap().into_inner();
            let Some(v1::batch_result::Result::Decision(batched)) = result.result else { panic!("no decision") };
            assert_eq!((batched.verdict, batched.reason), (answer.verdict, answer.reason));
            let bytes = answer.encode_to_vec();
            let known = [v1::Verdict::Allow, v1::Verdict::Deny].contains(&answer.verdict());
            assert!(known && answer.reason() != v1::DecisionReason::Unspecified, "{answer:?}");
            // The verdict is the first field: a reply without one would begin otherwise.
            assert_eq!(bytes[..2], [1 << 3, u8::try_from(answer.verdict).unwrap()], "{answer:?}");
            let allowed = answer.verdict() == v1::Verdict::Allow;
            assert_eq!(allowed, answer.http_status == 200, "{answer:?}");
            told.insert((allowed, words(&answer)));
        }
    }
    assert!(told.iter().any(|(allowed, _)| *allowed) && told.len() >= 5, "{told:?}");
}
