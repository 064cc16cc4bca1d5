use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::certificate::Facts;
use super::files::{Make, TlsError};

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and those between it and its authority, in this order, in PEM.
    pub certificate: PathBuf,
    /// Its private key in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
    /// The hosts that it is for, such as `gateway.example` or `*.example`. None: those that it names itself.
    pub names: Vec<String>,
}

impl CertificateFiles {
    pub(super) fn with(self, provider: Arc<CryptoProvider>) -> PairSource {
        PairSource { files: self, provider }
    }
}

pub(super) struct PairSource {
    files: CertificateFiles,
    provider: Arc<CryptoProvider>,
}

/// A certificate that can be used.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// In small letters.
    pub(super) names: Vec<String>,
    /// As time since 1970-01-01 UTC.
    pub(super) expires_at: Duration,
}

impl Make for PairSource {
    type Made = Pair;

    fn paths(&self) -> Vec<PathBuf> {
        vec![self.files.certificate.clone(), self.files.key.clone()]
    }

    fn make(&self, contents: &[Vec<u8>]) -> Result<Pair, TlsError> {
        let [certificates, key] = contents else {
            return Err(self.fails("a certificate and a key are two files"));
        };
        let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| self.fails(error))?;
        let leaf = chain.first().ok_or_else(|| self.fails("there is no certificate in PEM"))?;
        let facts = Facts::of(leaf).map_err(|error| self.fails(error))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::of(&self.files.key, error))?;
        let key = CertifiedKey::from_der(chain, key, &self.provider).map_err(|error| self.fails(error))?;
        let names = if self.files.names.is_empty() { facts.hosts } else { self.files.names.clone() };
        if names.is_empty() {
            return Err(self.fails("it names no host, and no names are configured for it"));
        }
        let names = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Ok(Pair { key: Arc::new(key), names, expires_at: facts.expires_at })
    }

    fn check_new(&self, pair: &Pair) -> Result<(), TlsError> {
        if pair.has_ended() { Err(self.fails("the certificate has ended")) } else { Ok(()) }
    }
}

impl PairSource {
    fn fails(&self, reason: impl fmt::Display) -> TlsError {
        TlsError::of(&self.files.certificate, reason)
    }

    /// What tells it from others.
    pub(super) fn label(&self) -> String {
        self.files.certificate.display().to_string()
    }
}

impl Pair {
    pub(super) fn has_ended(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.expires_at <= now
    }
}
