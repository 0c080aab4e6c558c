//! Each of the programs runs, and forwards what it is asked.

use crate::gateway::{Gateway, Template};
use crate::program::{self, ENVOYS, Program};
use crate::provision::or_skip;
use crate::upstream::Upstream;
use crate::{UPSTREAM, http};

fn forwards(program: &Program, configuration: &str, start: impl Fn(&Program, &Template) -> Gateway) {
    let upstream = Upstream::start();
    let template = Template::written(configuration).at(UPSTREAM, upstream.address);
    let gateway = start(program, &template);
    let answer = gateway.eventually("forwarded", || {
        let answer = http::call(gateway.address, "GET", "/losses/1?year=2026", &[("x-one", "1")], b"");
        (answer.status == 200).then_some(answer)
    });
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(body.starts_with("GET /losses/1?year=2026 HTTP/1."), "{body}\n{}", gateway.log());
    assert!(body.to_ascii_lowercase().contains("x-one: 1\r\n"), "{body}");
    assert_eq!(answer.header("x-upstream"), Some("reached"));
    assert_eq!(upstream.served(), 1);
}

#[test]
fn envoy_runs_the_oldest_and_the_newest() {
    for version in ENVOYS {
        let name = format!("envoy_runs_the_oldest_and_the_newest ({version})");
        let Some(envoy) = or_skip(&name, program::envoy(version)) else { continue };
        assert!(program::said(envoy.command().arg("--version")).contains(&format!("/{version}/")), "{version}");
        let configuration = r#"
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          http_filters:
          - {name: envoy.filters.http.router, typed_config: {
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [
            {match: {prefix: /}, route: {cluster: upstream}}]}]}
  clusters:
  - {name: upstream, type: STATIC, load_assignment: {cluster_name: upstream, endpoints: [{lb_endpoints: [
      {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 9300}}}}]}]}}
"#;
        forwards(&envoy, configuration, Gateway::envoy);
    }
}

#[test]
fn nginx_runs() {
    let Some(nginx) = or_skip("nginx_runs", program::nginx()) else { return };
    assert!(program::said(nginx.command().arg("-V")).contains("--with-http_auth_request_module"));
    let configuration = "server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:9300; } }";
    forwards(&nginx, configuration, Gateway::nginx);
}

#[test]
fn caddy_runs() {
    let Some(caddy) = or_skip("caddy_runs", program::caddy()) else { return };
    let configuration = "{\n\tadmin off\n}\nhttp://127.0.0.1:8080 {\n\treverse_proxy 127.0.0.1:9300\n}\n";
    forwards(&caddy, configuration, Gateway::caddy);
}

#[test]
fn haproxy_runs() {
    let Some(haproxy) = or_skip("haproxy_runs", program::haproxy()) else { return };
    let configuration = "\
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 1s
frontend all
  bind 127.0.0.1:8080
  default_backend upstream
backend upstream
  server one 127.0.0.1:9300
";
    forwards(&haproxy, configuration, Gateway::haproxy);
}
