//! TLS of the listeners: 1.3 only, with a certificate that is replaced while connections live on.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::proof::{Check, certificate};
use super::standing::{Known, Peer, Shown, next_end};
use crate::clock::Clock;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Whether callers need certificates of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Nobody connects without.
    Required,
    /// Who has none proves himself by a token.
    Optional,
}

/// The files of the listeners' TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain of certificates, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
    /// Who signs callers' certificates, in PEM. Without, nobody is asked for one.
    pub client_ca: Option<PathBuf>,
    /// Whether callers need certificates.
    pub client_certificates: ClientCertificates,
}

/// What the files hold.
#[derive(Clone, PartialEq, Eq)]
struct Held {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// What is accepted with, for each kind of listener.
struct Acceptors {
    calls: TlsAcceptor,
    questions: TlsAcceptor,
    callers: Option<Arc<dyn ClientCertVerifier>>,
    /// Counts how often the files have changed.
    number: u64,
}

/// TLS as the files say now. What they said last stays until they say something that can be used.
pub struct Tls {
    files: TlsFiles,
    clock: Arc<dyn Clock>,
    time: Arc<dyn TimeProvider>,
    acceptors: RwLock<Arc<Acceptors>>,
    seen: Mutex<Option<Held>>,
}

/// Which listener a connection comes to: they differ in what is spoken on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// gRPC and gRPC-Web.
    Calls,
    /// HTTP of gateways.
    Questions,
}

/// The instant by which certificates are judged: that of the hub.
struct HubTime(Arc<dyn Clock>);

impl fmt::Debug for HubTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubTime")
    }
}

impl TimeProvider for HubTime {
    fn current_time(&self) -> Option<UnixTime> {
        unix(self.0.now())
    }
}

/// The second in which an instant lies, as certificates are judged by it.
fn unix(instant: DateTime<Utc>) -> Option<UnixTime> {
    let seconds = u64::try_from(instant.timestamp()).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

/// Lets in whose certificate was verified and names exactly one caller. The others do not get as far as a call.
#[derive(Debug)]
struct Named(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Named {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now)?;
        match certificate::identity(end_entity) {
            Ok(_) => Ok(verified),
            Err(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Reads a file that is small.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let of = || format!("{} cannot be read", path.display());
    let size = std::fs::metadata(path).with_context(of)?.len();
    ensure!(size <= FILE_BYTES_MAX, "{} has {size} bytes; at most {FILE_BYTES_MAX} are read", path.display());
    std::fs::read(path).with_context(of)
}

/// The certificates of a PEM file; at least one.
pub(super) fn certificates(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    ensure!(!certificates.is_empty(), "it holds no certificate in PEM");
    Ok(certificates)
}

impl Held {
    fn read(files: &TlsFiles) -> anyhow::Result<Held> {
        Ok(Held {
            certificate: read_file(&files.certificate)?,
            key: read_file(&files.key)?,
            client_ca: files.client_ca.as_deref().map(read_file).transpose()?,
        })
    }

    /// Who says whether a caller's certificate is good, if callers are asked for one.
    fn callers(&self, files: &TlsFiles) -> anyhow::Result<Option<Arc<dyn ClientCertVerifier>>> {
        let Some(pem) = &self.client_ca else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        let named = || format!("access_client_ca {}", files.client_ca.as_deref().unwrap_or(Path::new("")).display());
        for certificate in certificates(pem).with_context(named)? {
            roots.add(certificate).with_context(named)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = match files.client_certificates {
            ClientCertificates::Required => verifier,
            ClientCertificates::Optional => verifier.allow_unauthenticated(),
        };
        Ok(Some(Arc::new(Named(verifier.build().with_context(named)?))))
    }

    fn config(
        &self,
        files: &TlsFiles,
        callers: Option<Arc<dyn ClientCertVerifier>>,
        time: &Arc<dyn TimeProvider>,
    ) -> anyhow::Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_details(provider, Arc::clone(time))
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        let builder = match callers {
            None => builder.with_no_client_auth(),
            Some(callers) => builder.with_client_cert_verifier(callers),
        };
        let chain = certificates(&self.certificate)
            .with_context(|| format!("access_tls_cert {}", files.certificate.display()))?;
        let named = || format!("access_tls_key {}", files.key.display());
        let key = PrivateKeyDer::from_pem_slice(&self.key).with_context(named)?;
        let mut config = builder.with_single_cert(chain, key).with_context(named)?;
        // A resumed session would not show its certificate again, which may have expired, or its authority be replaced.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn acceptors(&self, files: &TlsFiles, time: &Arc<dyn TimeProvider>, number: u64) -> anyhow::Result<Acceptors> {
        let callers = self.callers(files)?;
        let mut calls = self.config(files, callers.clone(), time)?;
        let mut questions = calls.clone();
        calls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        questions.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Acceptors { calls: Arc::new(calls).into(), questions: Arc::new(questions).into(), callers, number })
    }
}

impl Tls {
    /// TLS as `files` say, by the time of `clock`.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn open(files: TlsFiles, clock: Arc<dyn Clock>) -> anyhow::Result<Tls> {
        let time: Arc<dyn TimeProvider> = Arc::new(HubTime(Arc::clone(&clock)));
        let held = Held::read(&files)?;
        let acceptors = RwLock::new(Arc::new(held.acceptors(&files, &time, 0)?));
        Ok(Tls { files, clock, time, acceptors, seen: Mutex::new(Some(held)) })
    }

    /// Reads the files again. Returns whether they say something else than before.
    ///
    /// # Errors
    /// When they cannot be read or used: then what they said before stays. The same trouble is told once.
    pub fn reload(&self) -> anyhow::Result<bool> {
        let mut seen = self.seen.lock();
        let held = match Held::read(&self.files) {
            Ok(held) => held,
            Err(error) => {
                return if seen.take().is_some() { Err(error) } else { Ok(false) };
            }
        };
        if seen.as_ref() == Some(&held) {
            return Ok(false);
        }
        let number = self.acceptors.read().number + 1;
        let acceptors = held.acceptors(&self.files, &self.time, number);
        *seen = Some(held);
        *self.acceptors.write() = Arc::new(acceptors?);
        Ok(true)
    }

    /// Until when a certificate is good that was shown in a handshake, as authorities and time are now.
    ///
    /// # Errors
    /// When it is good no more.
    pub(super) fn vouches(&self, shown: &Shown, now: DateTime<Utc>) -> Result<DateTime<Utc>, Check> {
        let acceptors = Arc::clone(&self.acceptors.read());
        let known = *shown.known.lock();
        if known.authorities == acceptors.number && now < known.until {
            return Ok(known.until);
        }
        let (Some(callers), Some((first, others))) = (&acceptors.callers, shown.chain.split_first()) else {
            return Err(Check::CertificateRefused);
        };
        let second = unix(now).ok_or(Check::CertificateRefused)?;
        match callers.verify_client_cert(first, others, second) {
            Ok(_) => {
                let known = Known { authorities: acceptors.number, until: next_end(&shown.chain, now) };
                *shown.known.lock() = known;
                Ok(known.until)
            }
            Err(rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => Err(Check::CertificateExpired),
            Err(_) => Err(Check::CertificateRefused),
        }
    }

    /// Shakes hands, and says what the caller has shown, if anything.
    ///
    /// # Errors
    /// When the caller does not speak TLS 1.3, has no certificate that is good here, or takes longer than `within`.
    pub async fn accept(
        &self,
        stream: TcpStream,
        spoken: Spoken,
        within: Duration,
    ) -> std::io::Result<(TlsStream<TcpStream>, Peer)> {
        let acceptors = Arc::clone(&self.acceptors.read());
        let acceptor = match spoken {
            Spoken::Calls => &acceptors.calls,
            Spoken::Questions => &acceptors.questions,
        };
        let shaking = tokio::time::timeout(within, acceptor.accept(stream)).await;
        let stream = shaking.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
        // It was looked at in the handshake; a certificate that names nobody must not become a caller without one.
        let proven = chain.first().map(certificate::identity).transpose().map_err(std::io::Error::other)?;
        let shown = proven.map(|proven| Arc::new(Shown::new(proven, chain, acceptors.number, self.clock.now())));
        Ok((stream, Peer(shown)))
    }
}
