//! The door: what the credentials of a call prove, and nothing of what the caller may do.
//!
//! One layer stands before all services. It puts the [`Principal`] into the request, and replaces what the caller says of
//! itself in `devhub-actor` by what was proven. Who is refused learns that, and not at which check.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::future::join_all;

use super::jwks::{Keys, Occasion, Outcome};
use super::proof::{Check, Credentials, Proven, Unverified, establish};
use super::ration::Ration;
use super::tls::Tls;
use super::{Access, Principal};
use crate::clock::Clock;
use crate::rpc::parse::ACTOR;
use crate::rpc::status;
use crate::telemetry::{AccessTrouble, Metrics};

/// Where a portal hands on the token of its user.
pub const USER_TOKEN: HeaderName = HeaderName::from_static("devhub-user-token");

/// Where a gateway that asks by HTTP proves itself: `authorization` is that of the call which it asks about.
pub const GATEWAY_TOKEN: HeaderName = HeaderName::from_static("devhub-gateway-token");

/// What everybody may call who can connect: whether the hub is there, and what it can be asked.
const OPEN: [&str; 3] =
    ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];

/// What the certificate of a connection proves, if there is one. A listener says it of each connection.
#[derive(Debug, Clone, Default)]
pub struct Peer(pub Option<Arc<Proven>>);

/// Who may come in, and by what.
pub struct Door {
    access: Access,
    issuers: Vec<Keys>,
    tls: Option<Tls>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    ration: Ration,
}

impl Door {
    /// The door that `access` describes.
    ///
    /// # Errors
    /// When a file cannot be read or used. An issuer that does not answer is asked again later: gateways and operators
    /// with certificates do not depend on it.
    pub async fn open(access: Access, clock: Arc<dyn Clock>, metrics: Metrics) -> anyhow::Result<Door> {
        let tls = match access.tls.clone() {
            Some(files) => Some(Tls::open(files, Arc::clone(&clock))?),
            None => None,
        };
        let issuers: Vec<Keys> = access.issuers.iter().cloned().map(Keys::new).collect();
        let door = Door { access, issuers, tls, clock, metrics, ration: Ration::new() };
        // At once: issuers that are away keep the hub waiting no longer than one of them would.
        let now = door.clock.now();
        let read = join_all(door.issuers.iter().map(|keys| keys.refresh(Occasion::Told, now))).await;
        for (keys, outcome) in door.issuers.iter().zip(read) {
            if let Outcome::Failed(trouble) = outcome {
                door.keys_failed(keys, &trouble);
                if keys.is_file() {
                    return Err(anyhow::anyhow!(trouble))
                        .with_context(|| format!("access_issuers: the keys of {}", keys.issuer().name));
                }
            }
        }
        Ok(door)
    }

    /// TLS of the listeners, if they have it.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Counts a handshake that came to nothing.
    pub fn handshake_failed(&self, error: &std::io::Error) {
        self.metrics.access_trouble(AccessTrouble::Handshake);
        tracing::debug!(%error, "a caller did not get through the handshake");
    }

    /// Reads certificates and keys again, because somebody says so.
    pub async fn reload(&self) {
        self.look(Occasion::Told).await;
    }

    /// Looks whether certificates or keys have changed.
    pub async fn make_round(&self) {
        self.look(Occasion::Round).await;
    }

    async fn look(&self, occasion: Occasion) {
        match self.tls.as_ref().map(Tls::reload) {
            None | Some(Ok(false)) => {}
            Some(Ok(true)) => tracing::info!("the certificate is replaced; connections that are there stay"),
            Some(Err(error)) => {
                self.metrics.access_trouble(AccessTrouble::Certificate);
                tracing::error!(error = format!("{error:#}"), "the certificate is not replaced; the one before stays");
            }
        }
        for keys in &self.issuers {
            self.refresh(keys, occasion).await;
        }
    }

    async fn refresh(&self, keys: &Keys, occasion: Occasion) {
        match keys.refresh(occasion, self.clock.now()).await {
            Outcome::Same => {}
            Outcome::Changed => {
                tracing::info!(issuer = keys.issuer().name, keys = keys.current().len(), "keys are replaced");
            }
            Outcome::Failed(trouble) => self.keys_failed(keys, &trouble),
        }
    }

    fn keys_failed(&self, keys: &Keys, trouble: &str) {
        self.metrics.access_trouble(AccessTrouble::Keys);
        let (issuer, kept) = (&keys.issuer().name, keys.current().len());
        tracing::warn!(issuer, kept, trouble, "keys are not replaced; those from before stay");
    }

    /// What a token proves. Keys are read again for one that nobody knows.
    async fn prove(&self, token: &str) -> Result<Proven, Check> {
        let unverified = Unverified::read(token)?;
        let keys = self.issuers.iter().find(|keys| keys.issuer().name == unverified.issuer());
        let keys = keys.ok_or(Check::TokenIssuer)?;
        let now = self.clock.now();
        match unverified.verify(keys.issuer(), &keys.current(), now) {
            Err(Check::TokenKeyUnknown) => {
                self.refresh(keys, Occasion::UnknownKey).await;
                unverified.verify(keys.issuer(), &keys.current(), now)
            }
            judged => judged,
        }
    }

    async fn bearer(&self, headers: &HeaderMap) -> Result<Option<Proven>, Check> {
        let Some(value) = once(headers, &AUTHORIZATION)? else { return Ok(None) };
        let (scheme, token) = value.split_once(' ').ok_or(Check::HeaderForm)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Check::HeaderForm);
        }
        self.prove(token).await.map(Some)
    }

    async fn token(&self, headers: &HeaderMap, name: &HeaderName) -> Result<Option<Proven>, Check> {
        match once(headers, name)? {
            Some(token) => self.prove(token).await.map(Some),
            None => Ok(None),
        }
    }

    /// Who makes a call, on a connection of `peer`, with these headers.
    ///
    /// # Errors
    /// With the check that a credential fails.
    pub async fn caller(&self, peer: &Peer, headers: &HeaderMap) -> Result<Principal, Check> {
        if !self.access.proves_callers() {
            return Ok(Principal::Anyone);
        }
        let bearer = self.bearer(headers).await?;
        let user = self.token(headers, &USER_TOKEN).await?;
        self.establish(Credentials { connection: self.connection(peer), bearer, user })
    }

    /// Which gateway asks by HTTP. Its `authorization` is not its own and proves nothing.
    ///
    /// # Errors
    /// With the check that a credential fails; who is no gateway fails one as well.
    pub async fn gateway(&self, peer: &Peer, headers: &HeaderMap) -> Result<Principal, Check> {
        if !self.access.proves_callers() {
            return Ok(Principal::Anyone);
        }
        let bearer = self.token(headers, &GATEWAY_TOKEN).await?;
        let credentials = Credentials { connection: self.connection(peer), bearer, user: None };
        match self.establish(credentials)? {
            gateway @ Principal::Gateway { .. } => Ok(gateway),
            Principal::Developer { .. }
            | Principal::CompanyAdministrator { .. }
            | Principal::Publisher { .. }
            | Principal::Operator { .. }
            | Principal::Machine { .. }
            | Principal::Auditor { .. }
            | Principal::Anyone => Err(Check::NotAGateway),
        }
    }

    /// Counts a refusal and tells the operators of it, at the check that failed; of very many, how many there were.
    pub fn refused(&self, check: Check) {
        self.metrics.access_refused(check);
        if let Some(left_out) = self.ration.take(check, self.clock.now()) {
            tracing::info!(check = check.label(), left_out, "a caller is refused: {check}");
        }
    }

    fn establish(&self, credentials: Credentials) -> Result<Principal, Check> {
        establish(credentials, self.access.portals)
    }

    /// What the connection proves. A certificate names a machine, and the configuration what it may call.
    fn connection(&self, peer: &Peer) -> Option<Proven> {
        let proven = peer.0.as_deref().cloned()?;
        let Proven::Caller(Principal::Machine { name, .. }) = proven else { return Some(proven) };
        let scopes = self.access.machines.get(&name).cloned().unwrap_or_default();
        Some(Proven::Caller(Principal::Machine { name, scopes }))
    }
}

/// The calls that machines with certificates may make, by their names.
pub type Machines = BTreeMap<Box<str>, Box<[Box<str>]>>;

/// A header that may be given once.
fn once<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Check> {
    let mut values = headers.get_all(name).iter();
    let (value, more) = (values.next(), values.next());
    match (value, more) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Check::HeaderForm),
        (Some(_), Some(_)) => Err(Check::HeaderForm),
    }
}

/// The layer before all services.
pub async fn admit(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    // A connection that no listener said anything of proves nothing.
    let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
    let open = OPEN.iter().any(|service| request.uri().path().starts_with(service));
    let principal = if open { Ok(Principal::Anyone) } else { door.caller(&peer, request.headers()).await };
    let principal = match principal {
        Ok(principal) => principal,
        Err(check) => {
            door.refused(check);
            return status::unproven(check == Check::NoCredentials).into_http::<Body>();
        }
    };
    let headers = request.headers_mut();
    if principal != Principal::Anyone {
        headers.remove(ACTOR);
    }
    if let Some(actor) = principal.actor() {
        // Names and addresses are visible ASCII; whatever else came of one day would be refused and not be nobody.
        let Ok(actor) = HeaderValue::from_str(&actor.to_string()) else {
            door.refused(Check::TokenClaims);
            return status::unproven(false).into_http::<Body>();
        };
        headers.insert(ACTOR, actor);
    }
    // What was proven goes on; what proved it, and what is said besides, does not.
    if principal != Principal::Anyone {
        headers.remove(AUTHORIZATION);
        headers.remove(USER_TOKEN);
    }
    request.extensions_mut().insert(principal);
    next.run(request).await
}
