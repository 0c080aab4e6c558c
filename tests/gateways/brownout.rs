//! Rule B61 at its edges: a brownout begins and ends on its instants, whichever gateway asks, with no message.

use chrono::{DateTime, TimeDelta, Utc};

use crate::envoy::{V1, call, each, patient, said};
use crate::http::Answer;
use crate::hub::{Asked, Hub, begin};
use crate::token::bearer;
use crate::upstream::Upstream;

/// Its first instant.
pub(crate) fn from() -> DateTime<Utc> {
    begin() + TimeDelta::days(100)
}

/// The first instant after it.
pub(crate) fn until() -> DateTime<Utc> {
    from() + TimeDelta::hours(2)
}

/// Instants about its edges, and how many seconds are left of it; none where calls pass.
pub(crate) fn instants() -> [(DateTime<Utc>, Option<u32>); 6] {
    let millisecond = TimeDelta::milliseconds(1);
    [
        (from() - millisecond, None),
        (from(), Some(7200)),
        // Rounded up: whoever comes again after that long is not too early.
        (from() + millisecond, Some(7200)),
        (until() - millisecond, Some(1)),
        (until(), None),
        (until() + millisecond, None),
    ]
}

/// The client is told when to come again.
#[track_caller]
pub(crate) fn comes_again(answer: &Answer, seconds: u32) {
    assert_eq!(answer.header("retry-after"), Some(&*seconds.to_string()), "{answer:?}");
}

#[test]
fn b61_a_brownout_comes_and_goes_through_envoy_on_its_instants() {
    each("b61_a_brownout_comes_and_goes_through_envoy_on_its_instants", |envoy| {
        let (hub, api) = (Hub::start(Asked::Grpc), Upstream::start());
        hub.brown_out(from(), until());
        let gateway = patient(envoy, hub.address, api.address, &[]);
        let one = bearer("client-one");
        let headers = [("authorization", &*one), V1];
        for (now, left) in instants() {
            hub.clock.set(now);
            let served = api.served();
            let answer = call(&gateway, "GET", "/old", &headers);
            match left {
                None => assert_eq!(answer.status, 200, "{now}: {answer:?}\n{}", gateway.log()),
                Some(left) => {
                    assert_eq!(said(&answer), "503 BROWNOUT", "{now}: {answer:?}\n{}", gateway.log());
                    comes_again(&answer, left);
                    assert!(answer.header("deprecation").is_some() && answer.header("sunset").is_some(), "{answer:?}");
                    assert_eq!(api.served(), served, "{now}");
                }
            }
            let other = call(&gateway, "GET", "/hello", &headers);
            assert_eq!(other.status, 200, "no other API is touched: {other:?}\n{}", gateway.log());
        }
        // It is a denial, and not that nobody could be asked: it denies where that would let calls pass, too.
        let open = ("failure_mode_allow: false", "failure_mode_allow: true");
        let lenient = patient(envoy, hub.address, api.address, &[open]);
        hub.clock.set(from());
        assert_eq!(said(&call(&lenient, "GET", "/old", &headers)), "503 BROWNOUT", "{}", lenient.log());
    });
}
