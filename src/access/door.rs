//! The door: what the credentials of a call prove, and nothing of what the caller may do.
//!
//! One layer stands before all services. It puts the [`Principal`] into the request and lets nothing through that the caller
//! says of itself besides. Who is refused learns that, and not at which check. A reply that goes on ends when what proved
//! its caller proves nothing any more: no stream lives longer than its credentials.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::sync::watch;
use tonic::Status;

use super::jwks::{Keys, Occasion, Outcome};
use super::proof::{Check, Credentials, Proven, Unverified, establish};
use super::ration::Ration;
use super::standing::{Credential, Peer, Standing};
use super::table::{self, Callers};
use super::tls::Tls;
use super::{Access, Principal, stream};
use crate::clock::Clock;
use crate::domain::gateway::Revoked;
use crate::rpc::parse;
use crate::rpc::status;
use crate::telemetry::{AccessTrouble, Metrics};

/// Where a portal hands on the token of its user.
pub const USER_TOKEN: HeaderName = HeaderName::from_static("devhub-user-token");

/// Where a gateway that asks by HTTP proves itself: `authorization` is that of the call which it asks about.
pub const GATEWAY_TOKEN: HeaderName = HeaderName::from_static("devhub-gateway-token");

/// Who may come in, and by what.
pub struct Door {
    access: Access,
    issuers: Vec<Keys>,
    tls: Option<Tls>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    ration: Ration,
    /// Counts how often certificates or keys were replaced.
    replaced: watch::Sender<u64>,
    /// The gateways that are to stay away, as soon as somebody knows.
    revoked: OnceLock<watch::Receiver<Arc<Revoked>>>,
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
        let (ration, replaced, revoked) = (Ration::new(), watch::Sender::new(0), OnceLock::new());
        let door = Door { access, issuers, tls, clock, metrics, ration, replaced, revoked };
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

    /// From now on nobody comes in, or stays, who is among `revoked`. It is said once, before anybody is served.
    pub fn heed(&self, revoked: watch::Receiver<Arc<Revoked>>) {
        // Whoever says it a second time says it of the same hub.
        let _ = self.revoked.set(revoked);
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
            Some(Ok(true)) => {
                tracing::info!("certificates are replaced; who is connected with one that is still good stays");
                self.replaced.send_modify(|times| *times += 1);
            }
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
                self.replaced.send_modify(|times| *times += 1);
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
    async fn prove(&self, token: &str) -> Result<(Proven, Credential), Check> {
        let unverified = Unverified::read(token)?;
        let issuer = self.issuers.iter().position(|keys| keys.issuer().name == unverified.issuer());
        let issuer = issuer.ok_or(Check::TokenIssuer)?;
        let keys = &self.issuers[issuer];
        let (now, mut current) = (self.clock.now(), keys.current());
        let mut judged = unverified.verify(keys.issuer(), &current, now);
        if judged == Err(Check::TokenKeyUnknown) {
            self.refresh(keys, Occasion::UnknownKey).await;
            current = keys.current();
            judged = unverified.verify(keys.issuer(), &current, now);
        }
        let proven = judged?;
        let mark = current.mark(unverified.key_id()).ok_or(Check::TokenKeyUnknown)?;
        let (key_id, until) = (unverified.key_id().into(), unverified.ends()?);
        Ok((proven, Credential::Token { issuer, key_id, mark, until }))
    }

    async fn bearer(&self, headers: &HeaderMap) -> Result<Option<(Proven, Credential)>, Check> {
        let Some(value) = once(headers, &AUTHORIZATION)? else { return Ok(None) };
        let (scheme, token) = value.split_once(' ').ok_or(Check::HeaderForm)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Check::HeaderForm);
        }
        self.prove(token).await.map(Some)
    }

    async fn token(&self, headers: &HeaderMap, name: &HeaderName) -> Result<Option<(Proven, Credential)>, Check> {
        match once(headers, name)? {
            Some(token) => self.prove(token).await.map(Some),
            None => Ok(None),
        }
    }

    /// Who makes a call, on a connection of `peer`, with these headers, and what that stands on.
    ///
    /// # Errors
    /// With the check that a credential fails.
    pub async fn caller(&self, peer: &Peer, headers: &HeaderMap) -> Result<(Principal, Standing), Check> {
        if !self.access.proves_callers() {
            return Ok((Principal::Anyone, Standing::default()));
        }
        let connection = self.connection(peer)?;
        let bearer = self.bearer(headers).await?;
        let user = self.token(headers, &USER_TOKEN).await?;
        self.establish(connection, bearer, user)
    }

    /// Which gateway asks by HTTP. Its `authorization` is not its own and proves nothing.
    ///
    /// # Errors
    /// With the check that a credential fails; who is no gateway fails one as well.
    pub async fn gateway(&self, peer: &Peer, headers: &HeaderMap) -> Result<Principal, Check> {
        if !self.access.proves_callers() {
            return Ok(Principal::Anyone);
        }
        let connection = self.connection(peer)?;
        let bearer = self.token(headers, &GATEWAY_TOKEN).await?;
        let (caller, _) = self.establish(connection, bearer, None)?;
        if caller.gateway().is_some() { Ok(caller) } else { Err(Check::NotAGateway) }
    }

    /// Until when a caller may go on at most, if nothing is replaced or revoked before.
    ///
    /// # Errors
    /// With the check that one of its credentials fails by now.
    fn stands(&self, standing: &Standing, now: DateTime<Utc>) -> Result<DateTime<Utc>, Check> {
        if let Some((environment, id)) = &standing.gateway
            && self.revoked.get().is_some_and(|revoked| revoked.borrow().has(*environment, id))
        {
            return Err(Check::GatewayRevoked);
        }
        standing.credentials.iter().try_fold(DateTime::<Utc>::MAX_UTC, |first, credential| {
            let until = match credential {
                Credential::Token { issuer, key_id, mark, until } => {
                    if self.issuers[*issuer].current().mark(key_id) != Some(*mark) {
                        return Err(Check::TokenKeyUnknown);
                    }
                    Some(*until).filter(|until| now < *until).ok_or(Check::TokenExpired)?
                }
                Credential::Certificate(shown) => {
                    self.tls.as_ref().ok_or(Check::CertificateRefused)?.vouches(shown, now)?
                }
            };
            Ok(first.min(until))
        })
    }

    /// Ends when the caller of a reply that goes on has nothing left to stand on, with what it is told.
    async fn over(self: Arc<Door>, standing: Standing) -> Status {
        let mut replaced = self.replaced.subscribe();
        let mut revoked = self.revoked.get().cloned();
        loop {
            // Before it is looked at: what changes from now on is looked at again.
            replaced.mark_unchanged();
            if let Some(revoked) = &mut revoked {
                revoked.mark_unchanged();
            }
            let until = match self.stands(&standing, self.clock.now()) {
                Ok(until) => until,
                Err(check) => return self.ended(check),
            };
            tokio::select! {
                () = self.clock.reach(until) => {}
                // The senders live as long as the door and the hub.
                _ = replaced.changed() => {}
                _ = changed(revoked.as_mut()) => {}
            }
        }
    }

    /// Tells why a reply does not go on.
    fn ended(&self, check: Check) -> Status {
        self.refused(check);
        // At which of the other checks it was is for the operators' log alone.
        let expired = matches!(check, Check::TokenExpired | Check::CertificateExpired);
        if expired { status::credentials_expired() } else { status::unproven(false) }
    }

    /// Counts a refusal and tells the operators of it, at the check that failed; of very many, how many there were.
    pub fn refused(&self, check: Check) {
        self.metrics.access_refused(check);
        if let Some(left_out) = self.ration.take(check, self.clock.now()) {
            tracing::info!(check = check.label(), left_out, "a caller is refused: {check}");
        }
    }

    fn establish(
        &self,
        connection: Option<(Proven, Credential)>,
        bearer: Option<(Proven, Credential)>,
        user: Option<(Proven, Credential)>,
    ) -> Result<(Principal, Standing), Check> {
        let mut credentials = Vec::new();
        let [connection, bearer, user] = [connection, bearer, user].map(|shown| {
            let (proven, credential) = shown?;
            credentials.push(credential);
            Some(proven)
        });
        let principal = establish(Credentials { connection, bearer, user }, self.access.portals)?;
        let gateway = principal.gateway().map(|(environment, id)| (environment, id.into()));
        let standing = Standing { credentials, gateway };
        if standing.gateway.is_some() {
            self.stands(&standing, self.clock.now())?;
        }
        Ok((principal, standing))
    }

    /// What the connection proves. A certificate names a machine, and the configuration what it may call. One that was good
    /// in the handshake and is not now ends the connection, so that the next one begins with what the caller has by then.
    fn connection(&self, peer: &Peer) -> Result<Option<(Proven, Credential)>, Check> {
        let (Some(shown), Some(tls)) = (&peer.0, &self.tls) else { return Ok(None) };
        if let Err(check) = tls.vouches(shown, self.clock.now()) {
            shown.close();
            return Err(check);
        }
        let credential = Credential::Certificate(Arc::clone(shown));
        let proven = shown.proven.clone();
        let Proven::Caller(Principal::Machine { name, .. }) = proven else { return Ok(Some((proven, credential))) };
        let scopes = self.access.machines.get(&name).cloned().unwrap_or_default();
        Ok(Some((Proven::Caller(Principal::Machine { name, scopes }), credential)))
    }
}

/// Waits until something is revoked or restored; for ever, where nobody says so.
async fn changed(revoked: Option<&mut watch::Receiver<Arc<Revoked>>>) {
    let told = match revoked {
        Some(revoked) => revoked.changed().await.is_ok(),
        None => false,
    };
    if !told {
        std::future::pending::<()>().await;
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
    let path = request.uri().path();
    let streams = table::streams(path);
    let admitted = if table::callers(path) == Some(Callers::Everybody) {
        Ok((Principal::Anyone, Standing::default()))
    } else {
        // A connection that no listener said anything of proves nothing.
        let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
        door.caller(&peer, request.headers()).await
    };
    let (principal, standing) = match admitted {
        Ok(admitted) => admitted,
        Err(check) => {
            door.refused(check);
            return status::unproven(check == Check::NoCredentials).into_http::<Body>();
        }
    };
    // What was proven goes on; what proved it, and what is said besides, does not.
    if principal != Principal::Anyone {
        for name in [&HeaderName::from_static(parse::ACTOR), &AUTHORIZATION, &USER_TOKEN] {
            request.headers_mut().remove(name);
        }
    }
    let ends = streams && !standing.credentials.is_empty();
    request.extensions_mut().insert(principal);
    let response = next.run(request).await;
    if ends { response.map(|body| stream::bounded(body, door.over(standing))) } else { response }
}
