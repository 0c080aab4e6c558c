//! Keys and certificates are replaced while the hub runs: the new ones count, the old ones do not, calls go on.

use chrono::TimeDelta;
use devhub::access::{ClientCertificates, KeyPlace};
use serde_json::json;

use crate::pki::{Authority, Files, GOOD, Signer, key_set, secure, trusted};
use crate::principals::{Guarded, Shown};
use crate::world::{World, ms, refused, start};

const KEYS: &str = "devhub_access_troubles_total{what=\"KEYS\"}";
const CERTIFICATE: &str = "devhub_access_troubles_total{what=\"CERTIFICATE\"}";
const HANDSHAKE: &str = "devhub_access_troubles_total{what=\"HANDSHAKE\"}";

#[tokio::test]
async fn a_new_key_is_found_and_a_key_that_is_gone_is_gone() {
    let hub = Guarded::new().await;
    let next = Signer::new("second");
    let channel = hub.channel(None);
    let now = || devhub::clock::Clock::now(&hub.world.clock);
    let of = |signer: &Signer| Shown::bearer(signer.token("operator", "olga", json!({}), now()));
    hub.list(channel.clone(), of(&hub.signer)).await.unwrap();
    hub.files.write("keys.json", &key_set(&[&hub.signer, &next]));
    // Whoever invents keys makes the hub look at most every 30 seconds.
    hub.world.clock.advance(ms(29_999));
    let early = hub.list(channel.clone(), of(&next)).await;
    hub.world.clock.advance(ms(1));
    hub.list(channel.clone(), of(&next)).await.unwrap();
    // The round of the hub may have been quicker, and never is later.
    assert!(early.is_ok() || refused(early) == "CREDENTIALS_REFUSED");
    hub.list(channel.clone(), of(&hub.signer)).await.unwrap();
    hub.files.write("keys.json", &key_set(&[&next]));
    hub.world.server().reload_access().await;
    hub.list(channel.clone(), of(&next)).await.unwrap();
    assert_eq!(refused(hub.list(channel.clone(), of(&hub.signer)).await), "CREDENTIALS_REFUSED", "the old one is gone");
    let mut secret = next.jwk();
    secret["d"] = "c2VjcmV0".into();
    let symmetric = json!({"keys": [{"kty": "oct", "kid": "second", "k": "c2VjcmV0"}]}).to_string();
    for broken in ["", "{", &json!({"keys": [secret]}).to_string(), &symmetric] {
        let before: u64 = hub.metric(KEYS).await.parse().unwrap();
        hub.files.write("keys.json", broken);
        hub.world.server().reload_access().await;
        hub.list(channel.clone(), of(&next)).await.unwrap();
        assert!(hub.metric(KEYS).await.parse::<u64>().unwrap() > before, "{broken}");
    }
}

/// Serves whatever stands in `said`, as often as it is asked.
async fn serve(
    said: std::sync::Arc<std::sync::Mutex<String>>,
    tls: Option<tokio_rustls::TlsAcceptor>,
) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = said.lock().unwrap().clone();
            let tls = tls.clone();
            tokio::spawn(async move {
                let mut request = [0; 1024];
                match tls {
                    Some(tls) => {
                        let Ok(mut stream) = tls.accept(stream).await else { return };
                        let _ = stream.read(&mut request).await;
                        let _ = stream.write_all(answer.as_bytes()).await;
                        let _ = stream.shutdown().await;
                    }
                    None => {
                        let mut stream = stream;
                        let _ = stream.read(&mut request).await;
                        let _ = stream.write_all(answer.as_bytes()).await;
                        let _ = stream.shutdown().await;
                    }
                }
            });
        }
    });
    address
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn keys_of_an_address_are_kept_while_it_fails() {
    let (first, second) = (Signer::new("first"), Signer::new("second"));
    let said = std::sync::Arc::new(std::sync::Mutex::new("HTTP/1.1 503 Away\r\n\r\n".to_owned()));
    let address = serve(said.clone(), None).await;
    let uri = format!("http://{address}/keys").parse().unwrap();
    let world = World::with(|config| config.access.issuers = vec![trusted(KeyPlace::Url { uri, ca: None })]).await;
    let list = async |signer: &Signer| {
        let now = devhub::clock::Clock::now(&world.clock);
        let shown = Shown::bearer(signer.token("operator", "olga", json!({}), now));
        let way = tonic::service::interceptor::InterceptedService::new(world.channel.clone(), shown);
        let mut client = devhub_proto::v1::api_service_client::ApiServiceClient::new(way);
        client.list_apis(devhub_proto::v1::ListApisRequest::default()).await.map(|_| ())
    };
    assert_eq!(refused(list(&first).await), "CREDENTIALS_REFUSED", "the issuer is away, and the hub is there");
    *said.lock().unwrap() = ok(&key_set(&[&first]));
    world.clock.advance(ms(30_000));
    list(&first).await.unwrap();
    for broken in [
        "HTTP/1.1 500 Oh\r\n\r\n".to_owned(),
        "nonsense".to_owned(),
        String::new(),
        ok("{"),
        "HTTP/1.1 302 Found\r\nlocation: http://evil.example/\r\n\r\n".to_owned(),
        ok(&" ".repeat((1 << 20) + 1)),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{}", key_set(&[&second])),
    ] {
        *said.lock().unwrap() = broken;
        world.clock.advance(ms(30_000));
        assert_eq!(refused(list(&second).await), "CREDENTIALS_REFUSED");
        list(&first).await.unwrap();
    }
    *said.lock().unwrap() = ok(&key_set(&[&second]));
    world.clock.advance(TimeDelta::seconds(30));
    list(&second).await.unwrap();
    assert_eq!(refused(list(&first).await), "CREDENTIALS_REFUSED");
}

#[tokio::test]
async fn keys_come_over_tls_from_whom_the_authority_names() {
    let (files, ours, other, signer) =
        (Files::new(), Authority::new("ours"), Authority::new("other"), Signer::new("first"));
    files.write("ca.pem", &ours.pem);
    for (authority, trusted_one) in [(&ours, true), (&other, false)] {
        let pair = authority.server();
        let acceptor = acceptor(&pair.certificate, &pair.key);
        let said = std::sync::Arc::new(std::sync::Mutex::new(ok(&key_set(&[&signer]))));
        let address = serve(said, Some(acceptor)).await;
        let uri = format!("https://{address}/keys").parse().unwrap();
        let keys = KeyPlace::Url { uri, ca: Some(files.path("ca.pem")) };
        let world = World::with(|config| config.access.issuers = vec![trusted(keys)]).await;
        let shown = Shown::bearer(signer.token("operator", "olga", json!({}), start()));
        let way = tonic::service::interceptor::InterceptedService::new(world.channel.clone(), shown);
        let mut client = devhub_proto::v1::api_service_client::ApiServiceClient::new(way);
        let listed = client.list_apis(devhub_proto::v1::ListApisRequest::default()).await;
        assert_eq!(listed.is_ok(), trusted_one);
    }
}

fn acceptor(certificate: &str, key: &str) -> tokio_rustls::TlsAcceptor {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    std::sync::Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap()).into()
}

#[tokio::test]
async fn certificates_are_replaced_under_live_connections() {
    let hub = Guarded::new().await;
    let address = hub.world.server().address;
    let live = hub.certified("devhub://operator/olga");
    hub.list(live.clone(), Shown::default()).await.unwrap();
    // Broken files change nothing.
    for (name, text) in [("cert.pem", "none"), ("key.pem", &Authority::new("x").server().key), ("ca.pem", "")] {
        let kept = std::fs::read_to_string(hub.files.path(name)).unwrap();
        let before: u64 = hub.metric(CERTIFICATE).await.parse().unwrap();
        hub.files.write(name, text);
        hub.world.server().reload_access().await;
        hub.list(hub.certified("devhub://operator/otto"), Shown::default()).await.unwrap();
        assert!(hub.metric(CERTIFICATE).await.parse::<u64>().unwrap() > before, "{name}");
        hub.files.write(name, &kept);
        hub.world.server().reload_access().await;
    }
    let next = Authority::new("next");
    hub.files.write_server(&next.server(), &format!("{}{}", hub.ca.pem, next.pem));
    hub.world.server().reload_access().await;
    hub.list(live.clone(), Shown::default()).await.expect("whose authority is there stays");
    hub.files.write("ca.pem", &next.pem);
    hub.world.server().reload_access().await;
    assert_eq!(refused(hub.list(live, Shown::default()).await), "CREDENTIALS_REFUSED", "nobody vouches for it now");
    let olga = next.caller("devhub://operator/olga");
    hub.list(secure(address, &next.pem, Some(&olga)), Shown::default()).await.unwrap();
    hub.list(hub.certified("devhub://operator/olga"), Shown::default())
        .await
        .expect_err("the hub has a new certificate");
    let old = hub.ca.caller("devhub://operator/olga");
    hub.list(secure(address, &next.pem, Some(&old)), Shown::default()).await.expect_err("the old authority is nobody");
}

#[tokio::test]
async fn a_bad_certificate_gets_no_answer_at_all() {
    let hub = Guarded::with(|config| {
        if let Some(tls) = &mut config.access.tls {
            tls.client_certificates = ClientCertificates::Required;
        }
    })
    .await;
    let address = hub.world.server().address;
    hub.list(hub.certified("devhub://operator/olga"), Shown::default()).await.unwrap();
    let stranger = Authority::new("ours");
    let olga = "devhub://operator/olga";
    for (what, pair) in [
        ("of another authority with the same name", Some(stranger.caller(olga))),
        ("expired", Some(hub.ca.caller_of(olga, (2020, 2025)))),
        ("not valid yet", Some(hub.ca.caller_of(olga, (2027, 2040)))),
        ("for nobody of ours", Some(hub.ca.caller("https://operator.example/olga"))),
        ("for a person", Some(hub.ca.caller("devhub://developer/ada"))),
        ("for a gateway of nowhere", Some(hub.ca.caller("devhub://gateway/edge"))),
        ("of a server", Some(hub.ca.server())),
        ("none", None),
    ] {
        let before: u64 = hub.metric(HANDSHAKE).await.parse().unwrap();
        // A good token does not help where a certificate is needed.
        let listed = hub.list(hub.channel(pair.as_ref()), Shown::bearer(hub.operator())).await;
        let status = listed.expect_err(what);
        assert!(crate::world::reason(&status).starts_with("no ErrorInfo"), "{what}: {status:?}");
        assert!(hub.metric(HANDSHAKE).await.parse::<u64>().unwrap() > before, "{what}");
    }
    // Plain text is none either.
    let plain = tonic::transport::Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    hub.list(plain, Shown::bearer(hub.operator())).await.expect_err("plain text");
    // A client that takes the server for somebody else does not go on.
    hub.list(secure(address, &stranger.pem, Some(&hub.ca.caller(olga))), Shown::default()).await.expect_err("stranger");
    // The certificate that has not expired yet expires, by the hub's clock.
    let short = hub.ca.caller_of(olga, (GOOD.0, 2027));
    hub.list(hub.channel(Some(&short)), Shown::default()).await.unwrap();
    hub.world.clock.advance(TimeDelta::days(366));
    hub.list(hub.channel(Some(&short)), Shown::default()).await.expect_err("expired meanwhile");
}
