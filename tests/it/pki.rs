//! Credentials for tests: an authority with certificates that are right, or wrong in one way; an issuer with tokens.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use devhub::access::proof::{Algorithm, Issuer as Trusted, Kind};
use devhub::access::{ClientCertificates, KeyPlace, TlsFiles, TrustedIssuer};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use serde_json::{Value, json};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "devhub";

/// Signs certificates.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// From and until which year a certificate is valid.
pub(crate) type Years = (i32, i32);

pub(crate) const GOOD: Years = (2020, 2040);

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, names: Vec<SanType>, years: Years) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// The certificate of a server on loopback.
    pub(crate) fn server(&self) -> Pair {
        self.sign(vec![SanType::IpAddress("127.0.0.1".parse().unwrap())], GOOD)
    }

    /// The certificate of a caller.
    pub(crate) fn caller(&self, uri: &str) -> Pair {
        self.caller_of(uri, GOOD)
    }

    pub(crate) fn caller_of(&self, uri: &str, years: Years) -> Pair {
        self.sign(vec![SanType::URI(uri.try_into().unwrap())], years)
    }
}

/// The files of a hub that speaks TLS.
pub(crate) struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new() -> Files {
        Files { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn write_server(&self, pair: &Pair, client_ca: &str) {
        self.write("cert.pem", &pair.certificate);
        self.write("key.pem", &pair.key);
        self.write("ca.pem", client_ca);
    }

    pub(crate) fn tls(&self, client_certificates: ClientCertificates) -> TlsFiles {
        TlsFiles {
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
            client_ca: Some(self.path("ca.pem")),
            client_certificates,
        }
    }
}

/// Signs tokens.
pub(crate) struct Signer {
    pub(crate) kid: &'static str,
    pair: Ed25519KeyPair,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(crate) fn new(kid: &'static str) -> Signer {
        Signer { kid, pair: Ed25519KeyPair::generate().unwrap() }
    }

    /// The key that is published.
    pub(crate) fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": b64(self.pair.public_key())})
    }

    pub(crate) fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// A token of a role that begins `now` and lives five minutes.
    pub(crate) fn token(&self, role: &str, sub: &str, more: Value, now: DateTime<Utc>) -> String {
        let mut claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": sub, "devhub_role": role,
            "iat": now.timestamp(), "nbf": now.timestamp(), "exp": now.timestamp() + 300,
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let message =
            format!("{}.{}", b64(json!({"alg": "EdDSA", "kid": self.kid}).to_string()), b64(claims.to_string()));
        format!("{message}.{}", b64(self.pair.sign(message.as_bytes())))
    }
}

/// What is published of some keys.
pub(crate) fn key_set(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()}).to_string()
}

/// An issuer that may speak for everybody.
pub(crate) fn trusted(keys: KeyPlace) -> TrustedIssuer {
    let issuer = Trusted {
        name: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithms: Algorithm::ALL.to_vec(),
        kinds: Kind::ALL.to_vec(),
        person_lifetime: TimeDelta::minutes(15),
        program_lifetime: TimeDelta::hours(1),
    };
    TrustedIssuer { issuer, keys, refresh: TimeDelta::minutes(5) }
}

/// The same, whose keys are in a file.
pub(crate) fn trusted_file(path: &Path) -> TrustedIssuer {
    trusted(KeyPlace::File(path.to_owned()))
}

/// A way to a hub that speaks TLS, with a certificate or without.
pub(crate) fn secure(address: std::net::SocketAddr, ca: &str, pair: Option<&Pair>) -> Channel {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
    let tls = match pair {
        Some(pair) => tls.identity(Identity::from_pem(&pair.certificate, &pair.key)),
        None => tls,
    };
    Endpoint::from_shared(format!("https://{address}")).unwrap().tls_config(tls).unwrap().connect_lazy()
}
