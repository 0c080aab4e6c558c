//! Certificates: who a verified one names, in a URI of its subject alternative name and nowhere else.
//!
//! `devhub://gateway/<environment>/<id>`, `devhub://portal/<id>`, `devhub://operator/<name>`, `devhub://machine/<name>`,
//! `devhub://auditor/<name>`. People come with tokens: a certificate in a browser is nobody's in particular.

use rustls::pki_types::CertificateDer;

use super::claims::environment;
use super::{Check, Proven, is_account};
use crate::access::Principal;

/// How the URIs begin that name callers.
const SCHEME: &str = "devhub://";

/// Whom a certificate names that was verified already.
///
/// # Errors
/// When it names nobody, or several.
pub fn identity(certificate: &CertificateDer<'_>) -> Result<Proven, Check> {
    let certificate = webpki::EndEntityCert::try_from(certificate).map_err(|_| Check::CertificateForm)?;
    let mut ours = certificate.valid_uri_names().filter(|uri| uri.to_ascii_lowercase().starts_with(SCHEME));
    let (uri, more) = (ours.next(), ours.next());
    let uri = uri.filter(|_| more.is_none()).ok_or(Check::CertificateIdentity)?;
    named(uri).ok_or(Check::CertificateIdentity)
}

/// Whom a URI names. It has one spelling; nothing in it is decoded.
fn named(uri: &str) -> Option<Proven> {
    let (kind, rest) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    let name = || is_account(rest).then(|| Box::<str>::from(rest));
    let caller = match kind {
        "gateway" => {
            let (place, id) = rest.split_once('/')?;
            let environment = environment(place)?;
            Principal::Gateway { environment, id: is_account(id).then(|| id.into())? }
        }
        "operator" => Principal::Operator { name: name()? },
        "machine" => Principal::Machine { name: name()?, scopes: Box::new([]) },
        "auditor" => Principal::Auditor { name: name()? },
        "portal" => return Some(Proven::Portal(name()?)),
        _ => return None,
    };
    Some(Proven::Caller(caller))
}

#[cfg(test)]
mod tests {
    use devhub_decision::Environment;
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(uris: &[&str]) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["operator.example".to_owned()]).expect("a name");
        params.distinguished_name.push(rcgen::DnType::CommonName, "devhub://operator/mallory");
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().expect("ASCII"))));
        params.self_signed(&key).expect("a certificate").der().clone()
    }

    #[test]
    fn a_certificate_names_one_caller_in_one_spelling() {
        let gateway = Principal::Gateway { environment: Environment::Sandbox, id: "edge-1".into() };
        let operator = Principal::Operator { name: "olga".into() };
        let machine = Principal::Machine { name: "release".into(), scopes: Box::new([]) };
        for (uris, proven) in [
            (&["devhub://gateway/sandbox/edge-1"][..], Proven::Caller(gateway)),
            (&["https://example.org/x", "devhub://operator/olga"], Proven::Caller(operator)),
            (&["devhub://machine/release"], Proven::Caller(machine)),
            (&["devhub://auditor/ann"], Proven::Caller(Principal::Auditor { name: "ann".into() })),
            (&["devhub://portal/main"], Proven::Portal("main".into())),
        ] {
            assert_eq!(identity(&certificate(uris)), Ok(proven), "{uris:?}");
        }
    }

    #[test]
    fn a_certificate_that_names_nobody_or_several_is_refused() {
        for uris in [
            &[][..],
            &["https://example.org/operator/olga"],
            &["devhub://operator/olga", "devhub://portal/main"],
            &["devhub://operator/olga", "devhub://operator/olga"],
            &["devhub://operator/olga", "DEVHUB://operator/eve"],
            &["DEVHUB://operator/olga"],
            &["devhub://operator/"],
            &["devhub://operator"],
            &["devhub://operator/olga/"],
            &["devhub://operator/ol%67a"],
            &["devhub://operator/olga?x"],
            &["devhub://Operator/olga"],
            &["devhub://developer/ada@example.com"],
            &["devhub://publisher/pat"],
            &["devhub://gateway/edge-1"],
            &["devhub://gateway/test/edge-1"],
            &["devhub://gateway/Sandbox/edge-1"],
            &["devhub://gateway/sandbox/a/b"],
            &["devhub:///gateway/sandbox/a"],
            &["devhub://gateway@host/sandbox/a"],
        ] {
            assert_eq!(identity(&certificate(uris)), Err(Check::CertificateIdentity), "{uris:?}");
        }
        assert_eq!(identity(&CertificateDer::from(vec![0; 64])), Err(Check::CertificateForm));
    }
}
