//! A gateway whose clients come over TLS: who they are by their certificates, what services and browsers are told, and where
//! those go who come without.
use std::net::SocketAddr;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::any;
use futures_util::StreamExt;
use reqwest::{Certificate, Client, Identity, redirect};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::certificates::{Authority, Files, Leaf};
use crate::support::{Gateway, PATIENCE, Start, ask, until, within};

const EX_CONFIG: i32 = 78;
const GATE: &str = "gate.example";
const FIGURES: &str = "/api/v1/metrics/consolidated";
const BILLING: &str = "spiffe://corp/billing";
const SECRET: &str = "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t";

/// The files of a gateway, and its authorities.
struct Scene {
    folder: TempDir,
    authority: Authority,
    clients: Authority,
    files: Files,
}

impl Scene {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (authority, clients) = (Authority::new(), Authority::new());
        let files = authority.host(&[GATE]).write(folder.path(), "gate");
        clients.write(folder.path().join("clients.pem"));
        Self { folder, authority, clients, files }
    }

    fn start(&self) -> Start {
        let Files { certificate, key } = &self.files;
        let certificates =
            format!("[{{certificate_file = {:?}, key_file = {:?}}}]", certificate.display(), key.display());
        Start::new(&self.folder.path().join("gateway.db"))
            .set("SERVER__TLS__CERTIFICATES", certificates)
            .set("SERVER__ALLOWED_HOSTS", format!("[{GATE:?}]"))
            .set("SERVER__TLS__RELOAD_SECONDS", 0.05)
    }

    /// Asks clients for certificates, and knows one.
    fn knowing_clients(&self) -> Start {
        let billing = format!("{{billing = {{uri = {BILLING:?}, scopes = [\"metrics:read\"]}}}}");
        let issuers =
            format!("{{dev = {{issuer = \"dev\", audience = [\"gateway\"], secret = {SECRET:?}}}}}");
        self.start()
            .set("AUTH__DISABLED", false)
            .set("AUTH__ISSUERS", issuers)
            .set("SERVER__TLS__CLIENT_CERTIFICATES", "optional")
            .set("SERVER__TLS__CLIENT_CA_FILE", self.folder.path().join("clients.pem").display())
            .set("AUTH__CLIENT_CERTIFICATES", billing)
    }

    /// A client that goes to the gateway whatever port its URL has.
    fn client(&self, gateway: SocketAddr, shown: Option<&Leaf>) -> Client {
        let builder = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .resolve(GATE, gateway)
            .tls_certs_only([Certificate::from_pem(self.authority.pem().as_bytes()).unwrap()]);
        let identity = shown.map(|leaf| Identity::from_pem(leaf.pem().as_bytes()).unwrap());
        match identity {
            Some(identity) => builder.identity(identity).build().unwrap(),
            None => builder.build().unwrap(),
        }
    }
}

fn url(gateway: &Gateway, path: &str) -> String {
    format!("https://{GATE}:{}{path}", gateway.address.port())
}

fn token(scope: &str) -> String {
    use integridai_tower::auth::jwt::{Algorithm, Signer};

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"iss": "dev", "aud": "gateway", "sub": "ann", "scope": scope, "exp": now + 600});
    Signer::hmac(Algorithm::Hs256, SECRET.as_bytes()).unwrap().sign(&claims).unwrap()
}

#[tokio::test]
async fn a_caller_is_known_by_its_certificate_unless_it_presents_a_token() {
    let scene = Scene::set();
    let gateway = scene.knowing_clients().run().await;
    let billing = scene.clients.client(BILLING);
    let stranger = scene.clients.client("spiffe://corp/stranger");
    for (shown, token, expected) in [
        (Some(&billing), None, 200),
        (Some(&stranger), None, 403),
        (None, None, 401),
        (None, Some(token("metrics:read")), 200),
        (Some(&stranger), Some(token("metrics:read")), 200),
        (Some(&billing), Some(token("events:read")), 403),
        (Some(&billing), Some("nonsense".to_owned()), 401),
    ] {
        let request = scene.client(gateway.address, shown).get(url(&gateway, FIGURES));
        let request = match &token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let (status, answer) = ask(request).await;
        assert_eq!(status, expected, "{token:?} {answer}");
    }
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_service_is_told_that_its_client_came_over_tls() {
    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let told = any(async |headers: HeaderMap| {
        let of = |name: &str| headers[name].to_str().unwrap().to_owned();
        format!("{} {}", of("x-forwarded-proto"), of("forwarded"))
    });
    let base_url = format!("http://{}", service.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(service, Router::new().fallback(told)).await });
    let scene = Scene::set();
    let gateway = scene.start().set("SERVICES__REGTECH__BASE_URL", base_url).run().await;
    let answer = scene.client(gateway.address, None).get(url(&gateway, "/api/v1/regtech/echo"));
    let answer = answer.header("x-forwarded-proto", "ftp").send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    let told = answer.text().await.unwrap();
    let port = gateway.address.port();
    assert_eq!(told, format!("https for=127.0.0.1;host=\"{GATE}:{port}\";proto=https"));
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn events_come_over_a_websocket_over_tls() {
    let scene = Scene::set();
    let gateway = scene.start().run().await;
    let request = format!("wss://{GATE}:{}/api/v1/realtime/subscribe", gateway.address.port());
    let stream = within("TLS", scene.authority.trusting().connect(gateway.address, GATE)).await.unwrap();
    let request = request.into_client_request().unwrap();
    let handshake = Box::pin(tokio_tungstenite::client_async(request, stream));
    let subscribed = within("the handshake", handshake).await;
    let (mut socket, _) = subscribed.unwrap();
    let first = within("the first event", socket.next()).await.unwrap().unwrap();
    // Of which kind is a matter of how the services are.
    assert!(first.is_text(), "{first}");
    drop(socket);
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn those_who_come_without_tls_are_sent_to_it() {
    let scene = Scene::set();
    let mut gateway = scene
        .start()
        .set("SERVER__REDIRECT__LISTEN", "127.0.0.1:0")
        .set("SERVER__SECURITY_HEADERS__HSTS_MAX_AGE_SECONDS", 600)
        .run()
        .await;
    let plain = gateway.finds(|line| line["redirect_address"].as_str()?.parse::<SocketAddr>().ok()).await;
    let client = scene.client(plain, None);
    let ask = async |path: &str, host: &str| {
        let request = client.post(format!("http://{plain}{path}")).header("host", host);
        request.send().await.unwrap()
    };
    let sent = ask("/api/v1/a?b=c", &format!("{GATE}:80")).await;
    assert_eq!(sent.status(), 308);
    assert_eq!(sent.headers()["location"], url(&gateway, "/api/v1/a?b=c"));
    assert!(!sent.headers().contains_key("strict-transport-security"));
    let local = ask("/", &plain.to_string()).await;
    assert_eq!(local.headers()["location"], format!("https://{}/", gateway.address));
    for foreign in ["evil.example", "192.0.2.1", "gate.example.evil.example"] {
        let refused = ask("/", foreign).await;
        assert_eq!((refused.status().as_u16(), refused.headers().get("location")), (421, None), "{foreign}");
    }
    let alive = client.get(format!("http://{plain}/livez")).send().await.unwrap();
    assert_eq!(alive.status(), 200);
    let secured = scene.client(gateway.address, None).get(url(&gateway, "/livez")).send().await.unwrap();
    assert_eq!(secured.headers()["strict-transport-security"], "max-age=600");
    assert_eq!(secured.headers()["x-content-type-options"], "nosniff");
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn when_a_certificate_ends_is_among_the_metrics_and_a_new_one_is_taken_without_a_restart() {
    let scene = Scene::set();
    let gateway = scene.start().run().await;
    let figures = async || {
        let answer = scene.client(gateway.address, None).get(url(&gateway, "/metrics")).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let name = "integridai_server_tls_certificate_expiry_timestamp_seconds{certificate=";
    until("the metric", async || figures().await.contains(name)).await;
    std::fs::write(&scene.files.key, "nonsense").unwrap();
    let refused = "integridai_server_tls_reloads_total{outcome=\"refused\"} 1";
    until("the refusal", async || figures().await.contains(refused)).await;
    scene.authority.host(&[GATE]).replace(&scene.files);
    let taken = "integridai_server_tls_reloads_total{outcome=\"taken\"}";
    until("the new one", async || figures().await.contains(taken)).await;
    let exit = gateway.stop().await;
    assert!(exit.log.iter().any(|line| line.contains("cannot be used, the ones before stay")));
}

#[tokio::test]
async fn a_gateway_whose_certificate_cannot_be_used_does_not_start_and_names_the_file() {
    let scene = Scene::set();
    std::fs::write(&scene.files.key, "nonsense").unwrap();
    let key = scene.files.key.display().to_string();
    scene.start().fail().await.assert_refused(EX_CONFIG, &["server.tls", &key]);
    let other = scene.authority.host(&[GATE]);
    other.replace(&scene.files);
    scene.authority.host(&[GATE]).replace_certificate(&scene.files);
    let certificate = scene.files.certificate.display().to_string();
    scene.start().fail().await.assert_refused(EX_CONFIG, &["server.tls", &certificate]);
}
