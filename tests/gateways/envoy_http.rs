//! Envoy, oldest and newest, asking over HTTP as `examples/gateways/envoy/http.yaml` configures it.

use std::net::SocketAddr;

use crate::brownout;
use crate::gateway::{Gateway, Template};
use crate::http;
use crate::hub::{Asked, Hub};
use crate::program::{self, ENVOYS, Program};
use crate::provision::or_skip;
use crate::shown::{self, Relayed, Setup};
use crate::upstream::Upstream;
use crate::{HUB, UPSTREAM};

fn start(program: &Program, hub: SocketAddr, upstream: SocketAddr) -> Gateway {
    started(program, hub, upstream, |template| template)
}

fn started(
    program: &Program,
    hub: SocketAddr,
    upstream: SocketAddr,
    change: impl FnOnce(Template) -> Template,
) -> Gateway {
    // Patient, as the others.
    let template =
        Template::of("envoy/http.yaml").with("timeout: 0.3s", "timeout: 3s").with("timeout: 0.2s", "timeout: 3s");
    Gateway::envoy(program, &change(template).at(HUB, hub).at(UPSTREAM, upstream))
}

fn show(name: &str, what: impl Fn(&Setup<'_>)) {
    for version in ENVOYS {
        if let Some(program) = or_skip(&format!("{name} ({version})"), program::envoy(version)) {
            what(&Setup { path: "context", start: &|hub, upstream| start(&program, hub, upstream) });
        }
    }
}

#[test]
fn b63_envoy_over_http_allows_and_denies_with_the_reason() {
    show("b63_envoy_over_http_allows_and_denies_with_the_reason", shown::decides);
}

#[test]
fn b60_envoy_over_http_cannot_be_fooled() {
    show("b60_envoy_over_http_cannot_be_fooled", shown::cannot_be_fooled);
}

#[test]
fn b61_envoy_over_http_retires_on_the_instant_and_tells_before() {
    show("b61_envoy_over_http_retires_on_the_instant_and_tells_before", shown::retires);
}

#[test]
fn b64_envoy_over_http_closes_while_the_hub_is_away() {
    show("b64_envoy_over_http_closes_while_the_hub_is_away", shown::survives);
}

#[test]
fn b64_envoy_over_http_closes_until_the_hub_is_ready() {
    show("b64_envoy_over_http_closes_until_the_hub_is_ready", shown::waits);
}

#[test]
fn b61_a_brownout_comes_and_goes_through_envoy_over_http_on_its_instants() {
    show("b61_a_brownout_comes_and_goes_through_envoy_over_http_on_its_instants", |setup| {
        shown::browns_out(setup, Relayed::AsFailure)
    });
}

/// Envoy takes every 5xx for a hub that is away. Told to let calls pass then, it lets them pass in a brownout too: whoever
/// wants both asks by gRPC.
#[test]
fn a_brownout_is_lost_on_envoy_over_http_where_failures_let_calls_pass() {
    let name = "a_brownout_is_lost_on_envoy_over_http_where_failures_let_calls_pass";
    let Some(program) = or_skip(name, program::envoy(ENVOYS[ENVOYS.len() - 1])) else { return };
    let (hub, upstream) = (Hub::start(Asked::Http("context")), Upstream::start());
    hub.brown_out(brownout::from(), brownout::until());
    hub.clock.set(brownout::from());
    for (mode, status) in [("failure_mode_allow: false", 503), ("failure_mode_allow: true", 200)] {
        let gateway = started(&program, hub.address, upstream.address, |t| t.with("failure_mode_allow: false", mode));
        let headers = [("x-api-key", "example-key-1"), ("accept", "application/vnd.hmrc.1.0+json")];
        let answer = http::call(gateway.address, "GET", "/old", &headers, b"");
        assert_eq!(answer.status, status, "{mode}: {answer:?}\n{}", gateway.log());
    }
}
