//! What the claims of a verified token say: one role, and what belongs to it.

use devhub_decision::Environment;

use super::members::Members;
use super::{Check, Kind, Proven, is_account};
use crate::access::Principal;
use crate::domain::name::Email;

/// The claim that names the role.
const ROLE: &str = "devhub_role";

/// Claims that belong to one role each. A token of another role that has one of them was made for something else.
const OWNED: [(&str, Kind); 4] = [
    ("company", Kind::CompanyAdministrator),
    ("apis", Kind::Publisher),
    ("scopes", Kind::Machine),
    ("environment", Kind::Gateway),
];

/// Most APIs of a publisher, and most calls of a machine.
const LISTED_MAX: usize = 200;

/// Longest scope, in bytes.
const SCOPE_BYTES_MAX: usize = 128;

/// The role that a token names.
pub(super) fn role(claims: &Members) -> Result<Kind, Check> {
    claims.text(ROLE).and_then(Kind::named).ok_or(Check::TokenRole)
}

/// What a token of this kind proves.
pub(super) fn proven(kind: Kind, subject: &str, claims: &Members) -> Result<Proven, Check> {
    if OWNED.iter().any(|(name, owner)| claims.has(name) && *owner != kind) {
        return Err(Check::TokenClaims);
    }
    let account = || if is_account(subject) { Ok(Box::from(subject)) } else { Err(Check::TokenSubject) };
    let caller = match kind {
        Kind::Developer => Principal::Developer { email: email(claims)?, via: Box::default() },
        Kind::CompanyAdministrator => {
            let company = claims.text("company").and_then(|company| company.parse().ok()).ok_or(Check::TokenClaims)?;
            Principal::CompanyAdministrator { email: email(claims)?, company, via: Box::default() }
        }
        Kind::Publisher => {
            let apis = claims.texts("apis", LISTED_MAX).ok_or(Check::TokenClaims)?;
            let apis: Result<_, _> = apis.into_iter().map(str::parse).collect();
            Principal::Publisher { name: account()?, apis: apis.map_err(|_| Check::TokenClaims)?, via: Box::default() }
        }
        Kind::Operator => Principal::Operator { name: account()? },
        Kind::Gateway => {
            let environment = claims.text("environment").and_then(environment).ok_or(Check::TokenClaims)?;
            Principal::Gateway { environment, id: account()? }
        }
        Kind::Machine => {
            let scopes = claims.texts("scopes", LISTED_MAX).ok_or(Check::TokenClaims)?;
            if !scopes.iter().all(|scope| is_scope(scope)) {
                return Err(Check::TokenClaims);
            }
            Principal::Machine { name: account()?, scopes: scopes.into_iter().map(Box::from).collect() }
        }
        Kind::Auditor => Principal::Auditor { name: account()? },
        Kind::Portal => return Ok(Proven::Portal(account()?)),
    };
    Ok(Proven::Caller(caller))
}

/// The environment of that name, in lower case: names of certificates and tokens have one spelling.
pub(super) fn environment(name: &str) -> Option<Environment> {
    Environment::ALL.into_iter().find(|known| known.name().to_ascii_lowercase() == name)
}

/// The address, unless the issuer itself says that it did not verify it.
fn email(claims: &Members) -> Result<Email, Check> {
    let verified = match claims.get("email_verified") {
        None => true,
        Some(said) => said.as_bool() == Some(true),
    };
    let email = claims.text("email").filter(|_| verified).and_then(|email| Email::lenient(email).ok());
    email.ok_or(Check::TokenClaims)
}

/// Whether `text` is a service and one call of it, or all: `devhub.v1.ApiService/DeployApiVersion`, `devhub.v1.ApiService/*`.
fn is_scope(text: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.len() <= SCOPE_BYTES_MAX
        && text.split_once('/').is_some_and(|(service, call)| {
            service.split('.').all(word) && service.contains('.') && (call == "*" || word(call))
        })
}
