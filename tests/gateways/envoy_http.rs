//! Envoy, oldest and newest, asking over HTTP as `examples/gateways/envoy/http.yaml` configures it.

use std::net::SocketAddr;

use crate::gateway::{Gateway, Template};
use crate::program::{self, ENVOYS, Program};
use crate::provision::or_skip;
use crate::shown::{self, Setup};
use crate::{HUB, UPSTREAM};

fn start(program: &Program, hub: SocketAddr, upstream: SocketAddr) -> Gateway {
    // Patient, as the others.
    let template =
        Template::of("envoy/http.yaml").with("timeout: 0.3s", "timeout: 3s").with("timeout: 0.2s", "timeout: 3s");
    Gateway::envoy(program, &template.at(HUB, hub).at(UPSTREAM, upstream))
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
