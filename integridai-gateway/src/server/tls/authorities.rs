use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::files::{Make, TlsError};

/// Where the authorities of clients are.
#[derive(Debug)]
pub(super) struct Authorities {
    pub(super) path: PathBuf,
}

/// Whose word on clients counts.
#[derive(Debug)]
pub(super) struct Roots(Arc<RootCertStore>);

impl Make for Authorities {
    type Made = Roots;

    fn paths(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
    }

    fn make(&self, contents: &[Vec<u8>]) -> Result<Roots, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in contents.iter().flat_map(|content| CertificateDer::pem_slice_iter(content)) {
            let certificate = certificate.map_err(|error| TlsError::of(&self.path, error))?;
            roots.add(certificate).map_err(|error| TlsError::of(&self.path, error))?;
        }
        if roots.is_empty() {
            return Err(TlsError::of(&self.path, "there is no certificate in PEM"));
        }
        Ok(Roots(Arc::new(roots)))
    }
}

impl Roots {
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
        is_required: bool,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let (roots, provider) = (Arc::clone(&self.0), Arc::clone(provider));
        let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
        let builder = if is_required { builder } else { builder.allow_unauthenticated() };
        builder.build().map_err(|error| TlsError::new("authorities of clients", &error.to_string()))
    }
}
