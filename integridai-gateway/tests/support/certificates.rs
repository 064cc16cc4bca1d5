//! Certificates of an authority of the tests' own, and clients that trust it.
#![allow(dead_code, reason = "each test crate uses a part of it")]
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// Who signs.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(crate) struct Leaf {
    certificate: Certificate,
    key: KeyPair,
}

/// Where they are.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn write(&self, path: PathBuf) -> PathBuf {
        std::fs::write(&path, self.pem()).unwrap();
        path
    }

    /// For a server of these names.
    pub(crate) fn host(&self, names: &[&str]) -> Leaf {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.sign(&CertificateParams::new(names).unwrap())
    }

    /// For a client of this name.
    pub(crate) fn client(&self, uri: &str) -> Leaf {
        self.sign(&client(uri))
    }

    /// For a client, and no longer good.
    pub(crate) fn ended_client(&self, uri: &str) -> Leaf {
        let mut params = client(uri);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        Leaf { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }

    /// Who trusts it.
    pub(crate) fn trusting(&self) -> Trusting {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Trusting { roots, protocols: Vec::new(), versions: Vec::new(), shown: None }
    }
}

fn client(uri: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params
}

impl Leaf {
    /// Both, one after the other.
    pub(crate) fn pem(&self) -> String {
        format!("{}{}", self.certificate.pem(), self.key.serialize_pem())
    }

    pub(crate) fn write(&self, folder: &Path, name: &str) -> Files {
        let path = |end: &str| folder.join(format!("{name}.{end}"));
        let files = Files { certificate: path("pem"), key: path("key") };
        self.replace(&files);
        files
    }

    /// Each by a new file that is renamed into its place, the certificate first.
    pub(crate) fn replace(&self, files: &Files) {
        rename_into(&files.certificate, &self.certificate.pem());
        rename_into(&files.key, &self.key.serialize_pem());
    }

    /// The half of it, as in the midst of a replacement.
    pub(crate) fn replace_certificate(&self, files: &Files) {
        rename_into(&files.certificate, &self.certificate.pem());
    }
}

fn rename_into(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// A client that trusts one authority.
pub(crate) struct Trusting {
    roots: RootCertStore,
    protocols: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    shown: Option<(Vec<u8>, Vec<u8>)>,
}

impl Trusting {
    /// It speaks these (RFC 7301).
    pub(crate) fn protocols(mut self, protocols: &[&str]) -> Self {
        self.protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    /// And no other version.
    pub(crate) fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions.push(version);
        self
    }

    pub(crate) fn shows(mut self, leaf: &Leaf) -> Self {
        self.shown = Some((leaf.certificate.der().to_vec(), leaf.key.serialize_der()));
        self
    }

    /// Sessions are resumed by connections of one configuration.
    pub(crate) fn config(self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = match &self.versions[..] {
            [] => builder.with_safe_default_protocol_versions().unwrap(),
            versions => builder.with_protocol_versions(versions).unwrap(),
        };
        let builder = builder.with_root_certificates(self.roots);
        let mut config = match self.shown {
            Some((certificate, key)) => builder
                .with_client_auth_cert(vec![certificate.into()], PrivatePkcs8KeyDer::from(key).into())
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.protocols;
        Arc::new(config)
    }

    pub(crate) async fn connect(self, address: SocketAddr, name: &str) -> io::Result<TlsStream<TcpStream>> {
        connect(self.config(), address, name).await
    }
}

/// An address as the name is none (RFC 6066 §3).
pub(crate) async fn connect(
    config: Arc<ClientConfig>,
    address: SocketAddr,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(config).connect(name, stream).await
}
