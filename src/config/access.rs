//! Judging what is said of callers: who issues their tokens, and what their connections have to show.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::http::Uri;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::value::Values;
use crate::access::proof::{Algorithm, Issuer, Kind, Portals};
use crate::access::{Access, ClientCertificates, KeyPlace, Machines, TlsFiles, TrustedIssuer, refuse_address};

/// Most issuers.
const ISSUERS_MAX: usize = 16;

/// Most machines, and most calls of one.
const MACHINES_MAX: usize = 200;

/// An issuer as the configuration has it: a table of the file, or an object in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssuerText {
    issuer: String,
    audience: String,
    jwks: String,
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_lifetime_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program_lifetime_seconds: Option<i64>,
}

/// A list of words, each of them known and given once.
fn words<T: PartialEq>(texts: &[String], known: impl Fn(&str) -> Option<T>, what: &str) -> Result<Vec<T>, String> {
    let mut words = Vec::new();
    for text in texts {
        let word = known(text).filter(|word| !words.contains(word));
        words.push(word.ok_or_else(|| format!("{what} knows no {text:?}, or has it twice"))?);
    }
    if words.is_empty() { Err(format!("{what} must not be empty")) } else { Ok(words) }
}

fn seconds(
    value: Option<i64>,
    default: i64,
    range: std::ops::RangeInclusive<i64>,
    what: &str,
) -> Result<TimeDelta, String> {
    let value = value.unwrap_or(default);
    if range.contains(&value) {
        Ok(TimeDelta::seconds(value))
    } else {
        Err(format!("{what} must be a whole number from {} to {}", range.start(), range.end()))
    }
}

impl IssuerText {
    fn judge(self) -> Result<TrustedIssuer, String> {
        let plain = |text: &str| (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain(&self.issuer) || !plain(&self.audience) {
            return Err("issuer and audience must each be 1 to 256 visible characters".to_owned());
        }
        let keys = if self.jwks.contains("://") {
            let uri: Uri = self.jwks.parse().map_err(|_| format!("jwks: {:?} is no address", self.jwks))?;
            if let Some(sentence) = refuse_address(&uri) {
                return Err(format!("jwks: {sentence}"));
            }
            KeyPlace::Url { uri, ca: self.jwks_ca }
        } else if self.jwks.is_empty() || self.jwks_ca.is_some() {
            return Err("jwks must name a file, or an address that jwks_ca is about".to_owned());
        } else {
            KeyPlace::File(self.jwks.into())
        };
        let algorithms = match self.algorithms {
            Some(names) => words(&names, Algorithm::named, "algorithms (RS256, ES256, ES384, EdDSA)")?,
            None => Algorithm::ALL.to_vec(),
        };
        let issuer = Issuer {
            name: self.issuer,
            audience: self.audience,
            algorithms,
            kinds: words(&self.roles, Kind::named, "roles")?,
            person_lifetime: seconds(self.person_lifetime_seconds, 900, 60..=28_800, "person_lifetime_seconds")?,
            program_lifetime: seconds(self.program_lifetime_seconds, 3600, 60..=86_400, "program_lifetime_seconds")?,
        };
        let refresh = seconds(self.refresh_seconds, 300, 30..=86_400, "refresh_seconds")?;
        Ok(TrustedIssuer { issuer, keys, refresh })
    }
}

fn issuers(text: &str) -> Result<Vec<TrustedIssuer>, String> {
    let read: Vec<IssuerText> = match text {
        "" => Vec::new(),
        text => serde_json::from_str(text).map_err(|error| format!("it is no list of issuers: {error}"))?,
    };
    let mut issuers: Vec<TrustedIssuer> = Vec::new();
    for (place, issuer) in read.into_iter().enumerate() {
        let issuer = issuer.judge().map_err(|sentence| format!("issuer {}: {sentence}", place + 1))?;
        if place >= ISSUERS_MAX || issuers.iter().any(|other| other.issuer.name == issuer.issuer.name) {
            return Err(format!("issuer {} is there twice, or one too many: at most {ISSUERS_MAX}", place + 1));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn machines(text: &str) -> Result<Machines, String> {
    let read: BTreeMap<Box<str>, Vec<Box<str>>> = match text {
        "" => BTreeMap::new(),
        text => serde_json::from_str(text).map_err(|error| format!("it is no table of machines: {error}"))?,
    };
    if read.len() > MACHINES_MAX || read.values().any(|calls| calls.len() > MACHINES_MAX) {
        return Err(format!("at most {MACHINES_MAX} machines have at most {MACHINES_MAX} calls each"));
    }
    Ok(read.into_iter().map(|(name, calls)| (name, calls.into())).collect())
}

impl Values<'_> {
    /// How callers prove who they are.
    pub(super) fn access(&mut self) -> Option<Access> {
        let issuers =
            self.read_json("access_issuers", issuers, r#"write them as tables [[access.issuers]] in the file"#);
        let machines = self.read_json("access_machines", machines, "write release = ['devhub.v1.ApiService/*'] there");
        let tls = self.tls();
        let insecure = self.switch("insecure_listen_without_authentication");
        let connections_max = self.number("access_connections_max", 1..=65_536);
        let (issuers, tls) = (issuers?, tls?);
        let portals = match self.shown("access_require_portal").value {
            Some(_) => self.switch("access_require_portal")?,
            // Where there can be portals, people come through them.
            None => {
                tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
                    || issuers.iter().any(|trusted| trusted.issuer.kinds.contains(&Kind::Portal))
            }
        };
        let portals = if portals { Portals::Needed } else { Portals::NotNeeded };
        Some(Access {
            issuers,
            tls,
            portals,
            machines: machines?,
            connections_max: connections_max?,
            insecure: insecure?,
        })
    }

    fn read_json<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
        remedy: &str,
    ) -> Option<T> {
        match read(self.text(name)) {
            Ok(value) => Some(value),
            Err(sentence) => {
                self.wrong(name, &sentence, remedy);
                None
            }
        }
    }

    fn tls(&mut self) -> Option<Option<TlsFiles>> {
        let file = |values: &Self, name| values.shown(name).value.as_deref().map(PathBuf::from);
        let certificate = file(self, "access_tls_cert");
        let key = file(self, "access_tls_key");
        let client_ca = file(self, "access_client_ca");
        let client_certificates = match self.text("access_client_certificates") {
            "required" => ClientCertificates::Required,
            "optional" => ClientCertificates::Optional,
            _ => {
                self.wrong("access_client_certificates", "it must be required or optional", "write one of the two");
                return None;
            }
        };
        match (certificate, key, client_ca) {
            (Some(certificate), Some(key), client_ca) => {
                Some(Some(TlsFiles { certificate, key, client_ca, client_certificates }))
            }
            (None, None, None) => Some(None),
            (Some(_), None, _) => {
                self.wrong("access_tls_key", "access_tls_cert is of no use without it", "name the file of its key");
                None
            }
            (None, Some(_), _) | (None, None, Some(_)) => {
                self.wrong("access_tls_cert", "there is no TLS without it", "name the file of the hub's certificate");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Layer, Sources};
    use super::*;

    const ISSUER: &str =
        r#"[{"issuer":"https://id.example","audience":"devhub","jwks":"/etc/keys.json","roles":["developer"]}]"#;

    fn load(flags: &[(&'static str, &str)], file: &str) -> Result<Config, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("devhub.toml");
        std::fs::write(&path, file).expect("a file");
        let mut layer = Layer::from([("data_dir", "/tmp/x".to_owned())]);
        layer.extend(flags.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Config::load(&Sources { flags: layer, environment: &|_| None, file: Some(&path) })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_word_nobody_is_proven_and_nobody_from_elsewhere_connects() {
        let access = load(&[], "").expect("defaults").access;
        assert!(!access.proves_callers() && access.portals == Portals::NotNeeded && access.tls.is_none());
        for setting in ["listen", "gateway_listen"] {
            for address in ["0.0.0.0:7000", "[::]:7000", "192.0.2.1:7000"] {
                let sentence = load(&[(setting, address)], "").expect_err(address);
                assert!(sentence.starts_with(&format!("{setting} ")), "{sentence}");
                assert!(sentence.contains("--insecure-listen-without-authentication"), "{sentence}");
                let told = [(setting, address), ("insecure_listen_without_authentication", "true")];
                assert!(load(&told, "").is_ok());
                // Tokens that anybody can overhear are anybody's.
                assert!(load(&[(setting, address), ("access_issuers", ISSUER)], "").is_err());
                // TLS keeps a secret; from whom, nobody knows without credentials.
                let files = [("access_tls_cert", "/c"), ("access_tls_key", "/k")];
                assert!(load(&[(setting, address), files[0], files[1]], "").is_err());
                assert!(load(&[(setting, address), files[0], files[1], ("access_issuers", ISSUER)], "").is_ok());
                assert!(load(&[(setting, address), files[0], files[1], ("access_client_ca", "/a")], "").is_ok());
            }
            for address in ["127.0.0.1:7000", "127.8.8.8:7000", "[::1]:7000"] {
                assert!(load(&[(setting, address)], "").is_ok(), "{address}");
            }
        }
    }

    #[test]
    fn issuers_stand_in_tables_of_the_file() {
        let file = "[access]\ntls_cert = '/c'\ntls_key = '/k'\nclient_ca = '/a'\nclient_certificates = 'optional'\n\
                    [[access.issuers]]\nissuer = 'https://id.example'\naudience = 'devhub'\njwks = '/keys.json'\n\
                    roles = ['developer', 'company_administrator']\nalgorithms = ['ES256']\n\
                    person_lifetime_seconds = 300\n\
                    [[access.issuers]]\nissuer = 'https://staff.example'\naudience = 'devhub'\n\
                    jwks = 'https://staff.example/keys'\nroles = ['operator']\n\
                    [access.machines]\nrelease = ['devhub.v1.ApiService/*']\n";
        let access = load(&[], file).expect("tables").access;
        assert_eq!(access.portals, Portals::Needed);
        assert_eq!(access.machines["release"].as_ref(), [Box::from("devhub.v1.ApiService/*")]);
        let [people, staff] = access.issuers.as_slice() else { panic!("two issuers") };
        assert_eq!(people.issuer.kinds, [Kind::Developer, Kind::CompanyAdministrator]);
        assert_eq!(people.issuer.algorithms, [Algorithm::Es256]);
        assert_eq!(people.issuer.person_lifetime, TimeDelta::minutes(5));
        assert_eq!(people.keys, KeyPlace::File("/keys.json".into()));
        assert_eq!(staff.issuer.person_lifetime, TimeDelta::minutes(15));
        assert_eq!(staff.issuer.algorithms, Algorithm::ALL);
        assert_eq!(staff.refresh, TimeDelta::minutes(5));
        let open = load(&[("access_require_portal", "false")], file).expect("a switch").access;
        assert_eq!(open.portals, Portals::NotNeeded);
    }

    #[test]
    fn a_wrong_word_about_callers_is_a_sentence_that_names_it() {
        let issuer = |from: &str, to: &str| ISSUER.replace(from, to);
        for (name, value) in [
            ("access_issuers", "{".to_owned()),
            ("access_issuers", issuer("\"audience\"", "\"audiens\"")),
            ("access_issuers", issuer("\"devhub\"", "\"\"")),
            ("access_issuers", issuer("/etc/keys.json", "")),
            ("access_issuers", issuer("/etc/keys.json", "http://id.example/keys")),
            ("access_issuers", issuer("developer", "admin")),
            ("access_issuers", issuer("\"developer\"", "")),
            ("access_issuers", issuer("\"developer\"", "\"developer\",\"developer\"")),
            ("access_issuers", issuer("}", ",\"algorithms\":[\"HS256\"]}")),
            ("access_issuers", issuer("}", ",\"algorithms\":[\"none\"]}")),
            ("access_issuers", issuer("}", ",\"algorithms\":[]}")),
            ("access_issuers", issuer("}", ",\"person_lifetime_seconds\":28801}")),
            ("access_issuers", issuer("}", ",\"program_lifetime_seconds\":0}")),
            ("access_issuers", issuer("}", ",\"refresh_seconds\":1}")),
            ("access_issuers", issuer("}", ",\"jwks_ca\":\"/ca\"}")),
            ("access_issuers", format!("{},{}", ISSUER.trim_end_matches(']'), ISSUER.trim_start_matches('['))),
            ("access_machines", "[]".to_owned()),
            ("access_tls_cert", "/c".to_owned()),
            ("access_tls_key", "/k".to_owned()),
            ("access_client_ca", "/a".to_owned()),
            ("access_client_certificates", "maybe".to_owned()),
            ("access_require_portal", "yes".to_owned()),
            ("access_connections_max", "0".to_owned()),
            ("insecure_listen_without_authentication", "1".to_owned()),
        ] {
            let sentence = load(&[(name, &value)], "").expect_err(&value);
            assert!(sentence.contains("access_") || sentence.starts_with("insecure_"), "{sentence}");
            assert!(sentence.lines().count() == 1 && sentence.contains("; "), "one sentence with a remedy: {sentence}");
        }
    }
}
