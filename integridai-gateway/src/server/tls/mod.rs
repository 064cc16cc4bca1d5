//! TLS for those who connect (RFC 8446, RFC 5246), by rustls: certificates by the name that the client asks for, which are
//! read anew when their files change, and certificates of clients.
//!
//! # What a client gets
//! | it | gets |
//! | --- | --- |
//! | names a host (SNI) that a certificate is for | that certificate, of several the first that it can verify |
//! | names another host | an alert, close |
//! | names none | the first certificate, or an alert ([`TlsOptions::refuses_nameless`]) |
//! | speaks TLS 1.1 or older, or less than [`TlsOptions::minimum_version`] | an alert, close |
//! | speaks plain HTTP | a raw 400, close |
//! | takes its time with the handshake | close after [`TlsOptions::handshake_timeout`] |
//! | shows no certificate, one that has ended or one of another authority, where one is wanted | an alert, close |
//!
//! HTTP/2 and HTTP/1.1 are offered by ALPN. A session can be resumed by a ticket until the gateway ends, or the
//! authorities of clients change. There is no early data (0-RTT): it could be replayed.

mod authorities;
mod certificate;
mod chooser;
mod files;
mod handshake;
mod pair;
mod watch;

pub use files::TlsError;
pub(super) use handshake::Encrypted;
pub use pair::CertificateFiles;
pub use watch::WatchFiles;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::server::{ProducesTickets, WebPkiClientVerifier};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::sync::Semaphore;

use self::authorities::Authorities;
use self::chooser::Chooser;
use self::files::Kept;

/// How TLS is spoken.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The certificates, at least one.
    pub certificates: Vec<CertificateFiles>,
    /// Whether a client that names no host gets none of them, rather than the first.
    pub refuses_nameless: bool,
    /// The oldest version that is spoken. Default TLS 1.2.
    pub minimum_version: MinimumVersion,
    /// What is wanted of clients. Default nothing.
    pub client_certificates: ClientCertificates,
    /// How long a handshake may take. Default 10 s.
    pub handshake_timeout: Duration,
    /// Handshakes at once, once their client has said hello; further ones wait. Default 256.
    pub max_handshakes: usize,
    /// How often the files are looked at. Default 10 s.
    pub reload_interval: Duration,
}

/// The oldest version of TLS that is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MinimumVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked for any.
    #[default]
    Off,
    /// Who shows one must show a good one.
    Optional {
        /// The authorities whose word counts, in PEM.
        authorities: PathBuf,
    },
    /// Who shows none is refused.
    Required {
        /// The authorities whose word counts, in PEM.
        authorities: PathBuf,
    },
}

impl TlsOptions {
    /// The defaults, with these certificates.
    #[must_use]
    pub fn new(certificates: Vec<CertificateFiles>) -> Self {
        Self {
            certificates,
            refuses_nameless: false,
            minimum_version: MinimumVersion::default(),
            client_certificates: ClientCertificates::default(),
            handshake_timeout: Duration::from_secs(10),
            max_handshakes: 256,
            reload_interval: Duration::from_secs(10),
        }
    }
}

/// What stands between the socket and HTTP where clients come over TLS. A clone shares everything.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    config: ArcSwap<ServerConfig>,
    places: Semaphore,
    handshake_timeout: Duration,
}

/// What a configuration of rustls is made of, beside the authorities of clients.
struct Recipe {
    provider: Arc<CryptoProvider>,
    versions: &'static [&'static SupportedProtocolVersion],
    chooser: Arc<Chooser>,
    is_required: bool,
}

const TLS_12_AND_13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
const TLS_13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// RFC 7301; in the order in which they are preferred.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

impl Tls {
    /// Reads all files; what comes beside looks at them again as long as it is polled.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when there is no certificate, or a file cannot be used.
    pub fn new(options: TlsOptions) -> Result<(Self, WatchFiles), TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut pairs = Vec::new();
        for files in options.certificates {
            pairs.push(Kept::read(files.with(Arc::clone(&provider)))?);
        }
        if pairs.is_empty() {
            return Err(TlsError::new("certificates", "there are none"));
        }
        let (authorities, is_required) = match options.client_certificates {
            ClientCertificates::Off => (None, false),
            ClientCertificates::Optional { authorities } => (Some(authorities), false),
            ClientCertificates::Required { authorities } => (Some(authorities), true),
        };
        let authorities = authorities.map(|path| Kept::read(Authorities { path })).transpose()?;
        let chooser = Arc::new(Chooser::new(options.refuses_nameless));
        let versions = match options.minimum_version {
            MinimumVersion::Tls12 => TLS_12_AND_13,
            MinimumVersion::Tls13 => TLS_13,
        };
        let recipe = Recipe { provider, versions, chooser, is_required };
        let config = recipe.config(authorities.as_ref())?;
        let shared = Shared {
            config: ArcSwap::from_pointee(config),
            places: Semaphore::new(options.max_handshakes.min(Semaphore::MAX_PERMITS)),
            handshake_timeout: options.handshake_timeout,
        };
        let tls = Self(Arc::new(shared));
        let watch = WatchFiles::new(tls.clone(), recipe, pairs, authorities, options.reload_interval);
        Ok((tls, watch))
    }
}

impl Recipe {
    /// With tickets under a key of its own: who was let in by other authorities has to prove himself anew.
    fn config(&self, authorities: Option<&Kept<Authorities>>) -> Result<ServerConfig, TlsError> {
        let failed = |error: &dyn fmt::Display| TlsError::new("tls", &error.to_string());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(self.versions)
            .map_err(|error| failed(&error))?;
        let verifier = match authorities {
            Some(authorities) => authorities.made.verifier(&self.provider, self.is_required)?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::<Chooser>::clone(&self.chooser));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        config.ticketer = tickets().map_err(|error| failed(&error))?;
        Ok(config)
    }
}

fn tickets() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    rustls::crypto::aws_lc_rs::Ticketer::new()
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("handshake_timeout", &self.0.handshake_timeout).finish_non_exhaustive()
    }
}
