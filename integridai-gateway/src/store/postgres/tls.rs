//! TLS to the server: its certificate is always checked.
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::PostgresOptions;
use crate::store::StoreError;

pub(super) fn connector(options: &PostgresOptions) -> Result<MakeRustlsConnect, StoreError> {
    let roots = match &options.ca_file {
        Some(path) => roots_of(path)?,
        // Reading the machine's own takes long, and is for nothing where TLS is never spoken.
        None if options.url.config().get_ssl_mode() == SslMode::Disable => RootCertStore::empty(),
        None => roots_of_this_machine(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("the provider speaks them");
    Ok(MakeRustlsConnect::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn roots_of(path: &Path) -> Result<RootCertStore, StoreError> {
    let failed = |source: Arc<dyn std::error::Error + Send + Sync>| StoreError::Certificates {
        path: path.to_owned(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(Arc::new(error)))? {
        let certificate = certificate.map_err(|error| failed(Arc::new(error)))?;
        roots.add(certificate).map_err(|error| failed(Arc::new(error)))?;
    }
    if roots.is_empty() {
        return Err(failed(Arc::from(Box::from("it holds none"))));
    }
    Ok(roots)
}

/// One that cannot be read is none that anything can be checked against.
fn roots_of_this_machine() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
