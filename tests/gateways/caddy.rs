//! Caddy as `examples/gateways/caddy` configures it.

use std::net::SocketAddr;

use crate::gateway::{Gateway, Template};
use crate::program::{self, Program};
use crate::provision::or_skip;
use crate::shown::{self, Relayed, Setup};
use crate::{HUB, UPSTREAM};

fn start(program: &Program, hub: SocketAddr, upstream: SocketAddr) -> Gateway {
    // Patient, because a machine that runs all tests at once is slow; what has to wait waits just as surely.
    let template = Template::of("caddy/Caddyfile").with("200ms", "3s").with("300ms", "3s");
    Gateway::caddy(program, &template.at(HUB, hub).at(UPSTREAM, upstream))
}

fn show(name: &str, what: impl FnOnce(&Setup<'_>)) {
    if let Some(program) = or_skip(name, program::caddy()) {
        what(&Setup { path: "operation", start: &|hub, upstream| start(&program, hub, upstream) });
    }
}

#[test]
fn b63_caddy_allows_and_denies_with_the_reason() {
    show("b63_caddy_allows_and_denies_with_the_reason", shown::decides);
}

#[test]
fn b60_caddy_cannot_be_fooled() {
    show("b60_caddy_cannot_be_fooled", shown::cannot_be_fooled);
}

#[test]
fn b61_caddy_retires_on_the_instant_and_tells_before() {
    show("b61_caddy_retires_on_the_instant_and_tells_before", shown::retires);
}

#[test]
fn b64_caddy_closes_while_the_hub_is_away() {
    show("b64_caddy_closes_while_the_hub_is_away", shown::survives);
}

#[test]
fn b64_caddy_closes_until_the_hub_is_ready() {
    show("b64_caddy_closes_until_the_hub_is_ready", shown::waits);
}

#[test]
fn b61_a_brownout_comes_and_goes_through_caddy_on_its_instants() {
    show("b61_a_brownout_comes_and_goes_through_caddy_on_its_instants", |setup| {
        shown::browns_out(setup, Relayed::Whole)
    });
}
