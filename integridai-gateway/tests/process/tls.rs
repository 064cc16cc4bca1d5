//! Services and keys of issuers over real TLS: only whoever has a certificate that this machine trusts is talked to.
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::Listener;
use axum::{Json, Router};
use integridai_tower::auth::jwt::{Algorithm, Signer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

use crate::support::{Gateway, Start, analysis, ask, client, until};

const FIGURES: &str = "/api/v1/metrics/consolidated";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// An issuer on a port of its own, whose certificate is for `name`.
struct Issuer {
    url: String,
    signer: Signer,
}

impl Issuer {
    async fn start(authority: &Authority, name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let signer = Signer::generate(Algorithm::Es256).unwrap();
        let keys = json!({"keys": [signer.public_jwk().unwrap()]});
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        let says = |answer: Value| get(async move || Json(answer));
        let routes = Router::new()
            .route("/keys", says(keys))
            .route("/.well-known/openid-configuration", says(discovery));
        let listener = TlsListener { tcp: listener, tls: acceptor(authority, name) };
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, signer }
    }

    fn token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": self.url, "aud": "gateway", "sub": "ann", "scope": "metrics:read", "exp": now + 600,
        });
        self.signer.sign(&claims).unwrap()
    }
}

fn acceptor(authority: &Authority, name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        );
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = self.tcp.accept().await.unwrap();
            // A client that does not trust us leaves in the midst of the handshake.
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// RegTech on a port of its own, which fails at whatever it is asked: what it says shows that it was reached.
async fn failing_service(authority: &Authority, name: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let routes = Router::new().route("/analyze_provider", post(async || StatusCode::INTERNAL_SERVER_ERROR));
    let listener = TlsListener { tcp: listener, tls: acceptor(authority, name) };
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

/// A gateway that trusts this authority alone, and the issuer, whose keys are found as `source` says.
async fn gateway(folder: &Path, trusted: &Authority, issuer: &Issuer, source: &str) -> Gateway {
    let certificates = folder.join("authority.pem");
    std::fs::write(&certificates, trusted.pem()).unwrap();
    let issuers = format!(r#"{{main = {{issuer = "{}", audience = ["gateway"], {source}}}}}"#, issuer.url);
    Start::new(&folder.join("gateway.db"))
        .set("AUTH__DISABLED", false)
        .set("AUTH__ISSUERS", issuers)
        .variable("SSL_CERT_FILE", certificates.display())
        .run()
        .await
}

async fn status(gateway: &Gateway, path: &str, token: &str) -> u16 {
    ask(client().get(gateway.url(path)).bearer_auth(token)).await.0
}

async fn is_ready(gateway: &Gateway) -> bool {
    ask(client().get(gateway.url("/readyz"))).await.0 == 200
}

#[tokio::test]
async fn keys_come_over_tls_from_a_server_that_is_trusted() {
    let authority = authority();
    let issuer = Issuer::start(&authority, "localhost").await;
    let named = format!(r#"jwks_url = "{}/keys""#, issuer.url);
    for source in [&*named, "discovery = true"] {
        let folder = tempfile::tempdir().unwrap();
        let gateway = gateway(folder.path(), &authority, &issuer, source).await;
        until("the keys", async || is_ready(&gateway).await).await;
        assert_eq!(status(&gateway, FIGURES, &issuer.token()).await, 200, "{source}");
        assert_eq!(gateway.stop().await.code, Some(0));
    }
}

#[tokio::test]
async fn a_server_that_is_not_trusted_or_is_another_gives_no_keys() {
    let (trusted, unknown) = (authority(), authority());
    for (signed_by, name) in [(&unknown, "localhost"), (&trusted, "id.example")] {
        let issuer = Issuer::start(signed_by, name).await;
        let folder = tempfile::tempdir().unwrap();
        let mut gateway = gateway(folder.path(), &trusted, &issuer, "discovery = true").await;
        gateway.says("the keys of an issuer cannot be fetched").await;
        assert_eq!(status(&gateway, FIGURES, &issuer.token()).await, 503, "{name}");
        assert!(!is_ready(&gateway).await);
        let exit = gateway.stop().await;
        let warning = exit.log.iter().find(|line| line.contains("cannot be fetched")).unwrap();
        assert!(warning.contains("certificate"), "it says why: {warning}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_trusted_or_is_another_is_told_nothing() {
    let (trusted, unknown) = (authority(), authority());
    for (signed_by, name, expected) in [
        (&trusted, "localhost", (502, "regtech answered 500 Internal Server Error")),
        (&unknown, "localhost", (503, "regtech cannot be reached")),
        (&trusted, "regtech.example", (503, "regtech cannot be reached")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let certificates = folder.path().join("authority.pem");
        std::fs::write(&certificates, trusted.pem()).unwrap();
        let gateway = Start::new(&folder.path().join("gateway.db"))
            .set("SERVICES__REGTECH__BASE_URL", failing_service(signed_by, name).await)
            .variable("SSL_CERT_FILE", certificates.display())
            .run()
            .await;
        let execute = client().post(gateway.url("/api/v1/gateway/execute")).json(&analysis(1));
        let (status, problem) = ask(execute).await;
        assert_eq!((status, problem["detail"].as_str().unwrap()), expected, "{name}");
        assert_eq!(gateway.stop().await.code, Some(0));
    }
}
