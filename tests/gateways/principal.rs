//! Who calls by a client certificate, through Envoy as `examples/gateways/envoy/mtls.yaml` configures it (rule B60). The
//! certificates are those of `certificates/make.sh`; the client is another Envoy, which speaks TLS for the test.

use std::net::SocketAddr;

use crate::envoy::{API, HUB, V1, call, each, said, template};
use crate::gateway::{Gateway, Template};
use crate::heard::{reached, text};
use crate::http::Answer;
use crate::hub::{Asked, Hub};
use crate::program::Program;
use crate::source;
use crate::token::bearer;
use crate::upstream::Upstream;

/// Where the client is told that the gateway listens.
const INGRESS: u16 = 9443;

/// The certificates that a client can have, and none.
const CERTIFICATES: [&str; 6] = ["one", "two", "nobody", "nameless", "stranger", "none"];

fn file(name: &str) -> String {
    source("tests/gateways/certificates").join(format!("{name}.pem")).display().to_string()
}

fn ingress(envoy: &Program, hub: SocketAddr, api: SocketAddr, changes: &[(&str, &str)]) -> Gateway {
    let (server, authority) = (file("server"), file("authority"));
    let ours = [
        ("filename: server.pem", format!("filename: {server}")),
        ("filename: authority.pem", format!("filename: {authority}")),
        // A machine that builds has more to do than to answer a gateway within its usual time.
        ("timeout: 0.25s", "timeout: 20s".to_owned()),
        ("connect_timeout: 0.1s", "connect_timeout: 20s".to_owned()),
    ];
    let all: Vec<(&str, &str)> =
        ours.iter().map(|(from, to)| (*from, to.as_str())).chain(changes.iter().copied()).collect();
    Gateway::envoy(envoy, &template("mtls.yaml", &all).at(HUB, hub).at(API, api))
}

/// Calls the gateway over TLS; with which certificate is said in the header `x-certificate`.
fn client(envoy: &Program, ingress: SocketAddr) -> Gateway {
    let mut text = String::from(
        r#"
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: client
          http_filters:
          - {name: envoy.filters.http.router, typed_config: {
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {
            cluster_header: x-certificate}}]}]}
  clusters:
"#,
    );
    for name in CERTIFICATES {
        let own = match name {
            "none" => String::new(),
            name => {
                let file = file(name);
                format!(
                    "tls_certificates: [{{certificate_chain: {{filename: {file}}}, private_key: {{filename: {file}}}}}],"
                )
            }
        };
        text.push_str(&format!(
            r#"
  - name: {name}
    type: STATIC
    connect_timeout: 20s
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: gateway.example
        common_tls_context: {{{own} validation_context: {{trusted_ca: {{filename: {authority}}}}}}}
    load_assignment: {{cluster_name: {name}, endpoints: [{{lb_endpoints: [
      {{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {INGRESS}}}}}}}}}]}}]}}
"#,
            authority = file("authority"),
        ));
    }
    Gateway::envoy(envoy, &Template::written(&text).at(INGRESS, ingress))
}

fn with(client: &Gateway, certificate: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    call(client, "GET", path, &[&[("x-certificate", certificate), V1], headers].concat())
}

#[test]
fn b60_who_calls_is_told_by_the_certificate_that_envoy_verified() {
    each("b60_who_calls_is_told_by_the_certificate_that_envoy_verified", |envoy| {
        let sources = ("gateway_identity", "claim:jwt.client_id,principal:spiffe://partners.example/");
        let (hub, api) = (Hub::with(Asked::Grpc, &[sources]), Upstream::start());
        let gateway = ingress(envoy, hub.address, api.address, &[]);
        let client = client(envoy, gateway.address);
        let allowed = with(&client, "one", "/hello", &[]);
        assert_eq!(allowed.status, 200, "{allowed:?}\n{}\n{}", client.log(), gateway.log());
        assert_eq!(reached(&allowed, "x-devhub-application"), ["one"], "{}", text(&allowed));
        let served = api.served();
        assert_eq!(said(&with(&client, "two", "/hello", &[])), "403 NOT_SUBSCRIBED");
        assert_eq!(said(&with(&client, "nobody", "/hello", &[])), "401 UNKNOWN_CLIENT");
        // Its subject says client-one, and does not have the prefix.
        assert_eq!(said(&with(&client, "nameless", "/hello", &[])), "401 MALFORMED_IDENTITY");
        // What else a call carries does not count: neither a token nor what it says of a certificate.
        let token = bearer("client-one");
        let forwarded = "By=spiffe://partners.example/gateway;URI=spiffe://partners.example/client-one";
        let claims =
            [("authorization", &*token), ("x-client-id", "client-one"), ("x-forwarded-client-cert", forwarded)];
        assert_eq!(said(&with(&client, "two", "/hello", &claims)), "403 NOT_SUBSCRIBED");
        // Nor does the certificate where the route leaves it to the first source, for which there is nothing here.
        assert_eq!(said(&with(&client, "one", "/old", &[])), "401 UNKNOWN_CLIENT");
        assert_eq!(api.served(), served, "nobody gets in");
    });
}

#[test]
fn b60_without_a_certificate_of_the_authority_nobody_is_judged() {
    each("b60_without_a_certificate_of_the_authority_nobody_is_judged", |envoy| {
        let sources = ("gateway_identity", "principal:spiffe://partners.example/");
        let (hub, api) = (Hub::with(Asked::Grpc, &[sources]), Upstream::start());
        let strict = ingress(envoy, hub.address, api.address, &[]);
        let refused = client(envoy, strict.address);
        for (certificate, why) in
            [("stranger", "CERTIFICATE_VERIFY_FAILED"), ("none", "PEER_DID_NOT_RETURN_A_CERTIFICATE")]
        {
            assert!(!strict.log().contains(why), "{}", strict.log());
            let answer = with(&refused, certificate, "/hello", &[]);
            // The client's own Envoy says that it got no connection, and the gateway says why.
            assert_eq!((answer.status, &*said(&answer)), (503, "503"), "{certificate}: {answer:?}");
            strict.eventually(why, || strict.log().contains(why).then_some(()));
        }
        assert_eq!(api.served(), 0);
        // Where a certificate is asked for and not required, a call without one is a call without an identity.
        let lenient = ("require_client_certificate: true", "require_client_certificate: false");
        let asking = ingress(envoy, hub.address, api.address, &[lenient]);
        let client = client(envoy, asking.address);
        assert_eq!(said(&with(&client, "none", "/hello", &[])), "401 UNKNOWN_CLIENT", "{}", asking.log());
        assert_eq!(with(&client, "stranger", "/hello", &[]).status, 503, "a wrong one is worse than none");
        assert_eq!(api.served(), 0);
        assert_eq!(with(&client, "one", "/hello", &[]).status, 200);
    });
}

#[test]
fn b60_a_principal_is_the_uri_else_the_dns_name_else_the_subject() {
    each("b60_a_principal_is_the_uri_else_the_dns_name_else_the_subject", |envoy| {
        // Of all names in a certificate one counts, and it is the same for all routes: here the subject, for those
        // certificates that have nothing else.
        let sources = ("gateway_identity", "principal:CN=");
        let (hub, api) = (Hub::with(Asked::Grpc, &[sources]), Upstream::start());
        let route = ("identity: \"principal:spiffe://partners.example/\"", "identity: \"principal:CN=\"");
        let gateway = ingress(envoy, hub.address, api.address, &[route]);
        let client = client(envoy, gateway.address);
        let allowed = with(&client, "nameless", "/hello", &[]);
        assert_eq!(allowed.status, 200, "{allowed:?}\n{}", gateway.log());
        assert_eq!(reached(&allowed, "x-devhub-application"), ["one"], "{}", text(&allowed));
        assert_eq!(said(&with(&client, "one", "/hello", &[])), "401 MALFORMED_IDENTITY", "it has a URI, which counts");
    });
}
