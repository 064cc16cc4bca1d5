//! TLS over real sockets: who gets which certificate, who gets none, and that the server goes on after each.
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use integridai_gateway::server::tls::{
    CertificateFiles, ClientCertificates, MinimumVersion, TlsOptions, WatchFiles,
};
use integridai_gateway::server::{ServerOptions, Tls};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConnection, HandshakeKind};

use crate::certificates::{Authority, Files, Leaf, connect};
use crate::support::{Running, SHORT, within};

const GATE: &str = "gate.example";

/// A server with certificates for `gate.example` and everything below `wild.example`.
struct Scene {
    server: Running,
    authority: Authority,
    clients: Authority,
    folder: TempDir,
    gate: Files,
    wild: Files,
}

impl Scene {
    async fn set() -> Self {
        Self::with(|options, _| options).await
    }

    /// `change` is told where the authority of clients is.
    async fn with(change: impl FnOnce(TlsOptions, std::path::PathBuf) -> TlsOptions) -> Self {
        let (authority, clients) = (Authority::new(), Authority::new());
        let folder = tempfile::tempdir().unwrap();
        let gate = authority.host(&[GATE]).write(folder.path(), "gate");
        let wild = authority.host(&["*.wild.example"]).write(folder.path(), "wild");
        let certificates = [&gate, &wild].map(|files| CertificateFiles {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            names: Vec::new(),
        });
        let options = TlsOptions {
            reload_interval: Duration::from_millis(20),
            ..TlsOptions::new(certificates.to_vec())
        };
        let options = change(options, clients.write(folder.path().join("clients.pem")));
        let (tls, files): (Tls, WatchFiles) = Tls::new(options).unwrap();
        tokio::spawn(files.run());
        let options = ServerOptions { tls: Some(tls), ..ServerOptions::default() };
        Self { server: Running::start(options).await, authority, clients, folder, gate, wild }
    }

    async fn wanting(change: fn(std::path::PathBuf) -> ClientCertificates) -> Self {
        Self::with(|options, path| TlsOptions { client_certificates: change(path), ..options }).await
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }

    async fn connect(&self, name: &str) -> io::Result<TlsStream<TcpStream>> {
        self.authority.trusting().connect(self.address(), name).await
    }

    async fn shows(&self, leaf: &Leaf) -> io::Result<String> {
        let stream = self.authority.trusting().shows(leaf).connect(self.address(), GATE).await?;
        get(stream).await
    }

    /// Waits until another certificate is shown for the name.
    async fn until_other(&self, name: &str, before: &[u8]) {
        let changed = async {
            while shown(&self.connect(name).await.unwrap()) == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within(changed).await;
    }

    /// Waits until all files have been looked at: that of the wildcard is looked at last.
    async fn until_looked(&self) {
        let name = "a.wild.example";
        let before = shown(&within(self.connect(name)).await.unwrap());
        self.authority.host(&["*.wild.example"]).replace(&self.wild);
        self.until_other(name, &before).await;
    }

    /// Whatever happened before, who comes now is served.
    async fn is_well(&self) {
        let stream = within(self.connect(GATE)).await.unwrap();
        let answer = within(get(stream)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

async fn get(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: gate.example\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// What the server has shown.
fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn a_client_gets_the_certificate_of_the_host_that_it_names() {
    let scene = Scene::set().await;
    for name in [GATE, "GATE.example", "a.wild.example", "b.wild.example"] {
        let stream = within(scene.connect(name)).await.unwrap();
        assert!(within(get(stream)).await.unwrap().starts_with("HTTP/1.1 200"), "{name}");
    }
    for name in ["other.example", "wild.example", "a.b.wild.example"] {
        let error = within(scene.connect(name)).await.unwrap_err();
        assert!(error.to_string().contains("alert"), "{name}: {error}");
        scene.is_well().await;
    }
}

#[tokio::test]
async fn a_client_that_names_no_host_gets_the_first_certificate_or_none() {
    let first = Scene::set().await;
    // Its certificate is not for an address, which is the client's to find.
    let error = within(first.connect("127.0.0.1")).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    first.is_well().await;
    let none = Scene::with(|options, _| TlsOptions { refuses_nameless: true, ..options }).await;
    let error = within(none.connect("127.0.0.1")).await.unwrap_err();
    assert!(error.to_string().contains("alert"), "{error}");
    none.is_well().await;
}

#[tokio::test]
async fn http2_and_http1_are_spoken_as_the_client_likes() {
    let scene = Scene::set().await;
    for (protocols, expected) in
        [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
    {
        let client = scene.authority.trusting().protocols(protocols);
        let stream = within(client.connect(scene.address(), GATE)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), expected.map(str::as_bytes));
        if expected == Some("h2") {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            let request = Request::get("https://gate.example/").body(Empty::<Bytes>::new()).unwrap();
            let answer = within(sender.send_request(request)).await.unwrap();
            assert_eq!((answer.status(), answer.version()), (http::StatusCode::OK, http::Version::HTTP_2));
            within(answer.into_body().collect()).await.unwrap();
        } else {
            assert!(within(get(stream)).await.unwrap().starts_with("HTTP/1.1 200"));
        }
    }
    let client = scene.authority.trusting().protocols(&["spdy/3"]);
    assert!(within(client.connect(scene.address(), GATE)).await.is_err());
    scene.is_well().await;
}

#[tokio::test]
async fn versions_below_the_oldest_are_refused() {
    let modern =
        Scene::with(|options, _| TlsOptions { minimum_version: MinimumVersion::Tls13, ..options }).await;
    let usual = Scene::set().await;
    for (scene, version, expected) in
        [(&usual, &TLS12, true), (&usual, &TLS13, true), (&modern, &TLS12, false), (&modern, &TLS13, true)]
    {
        let client = scene.authority.trusting().version(version);
        assert_eq!(within(client.connect(scene.address(), GATE)).await.is_ok(), expected, "{version:?}");
        scene.is_well().await;
    }
    let mut stream = TcpStream::connect(usual.address()).await.unwrap();
    stream.write_all(&hello_of_tls_1_1()).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    // An alert (21), fatal (2), of the version (70): RFC 8446 §6.
    assert_eq!((answer.first(), &answer[5..]), (Some(&21), &[2, 70][..]), "{answer:?}");
    usual.is_well().await;
}

/// RFC 4346 §7.4.1.2, with the extensions that clients of its time had.
fn hello_of_tls_1_1() -> Vec<u8> {
    let version = [3, 2];
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0);
    // TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA and TLS_RSA_WITH_AES_128_CBC_SHA, and no compression.
    body.extend([0, 4, 0xc0, 0x09, 0, 0x2f, 1, 0]);
    let groups = [0, 10, 0, 4, 0, 2, 0, 23];
    let points = [0, 11, 0, 2, 1, 0];
    let signatures = [0, 13, 0, 4, 0, 2, 4, 3];
    let extensions = [&groups[..], &points, &signatures].concat();
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let length = u16::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, 1];
    record.extend((length + 4).to_be_bytes());
    record.extend([1, 0]);
    record.extend(length.to_be_bytes());
    record.extend(body);
    record
}

#[tokio::test]
async fn plain_http_is_told_that_tls_is_spoken_here() {
    let scene = Scene::set().await;
    for plain in ["GET / HTTP/1.1\r\nhost: here\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = TcpStream::connect(scene.address()).await.unwrap();
        stream.write_all(plain.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let told = async {
            while !answer.ends_with('}') {
                answer.push(stream.read_u8().await.unwrap().into());
            }
        };
        within(told).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
        scene.is_well().await;
    }
}

#[tokio::test]
async fn nonsense_and_silence_end() {
    let scene = Scene::with(|options, _| TlsOptions { handshake_timeout: SHORT, ..options }).await;
    let hello = hello_of_tls_1_1();
    for opening in [&[][..], &[22], &hello[..20], &[22, 3, 1, 0xff, 0xff, 1], &[0x80; 40], &[0; 4]] {
        let mut stream = TcpStream::connect(scene.address()).await.unwrap();
        stream.write_all(opening).await.unwrap();
        // An alert may come before the end, and a reset is one.
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
        scene.is_well().await;
    }
}

#[tokio::test]
async fn handshakes_take_turns_and_those_who_say_nothing_take_none() {
    let scene = Scene::with(|options, _| TlsOptions { max_handshakes: 1, ..options }).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(scene.address()).await.unwrap());
    }
    scene.is_well().await;
    let mut hello = Vec::new();
    let name = GATE.try_into().unwrap();
    ClientConnection::new(scene.authority.trusting().config(), name).unwrap().write_tls(&mut hello).unwrap();
    let mut slow = TcpStream::connect(scene.address()).await.unwrap();
    slow.write_all(&hello).await.unwrap();
    // It has its turn, for it is answered.
    within(slow.read_u8()).await.unwrap();
    tokio::join!(scene.is_well(), async {
        tokio::task::yield_now().await;
        drop(slow);
    });
}

#[tokio::test]
async fn new_certificates_are_used_for_new_connections_and_old_ones_go_on() {
    let scene = Scene::set().await;
    let mut live = within(scene.connect(GATE)).await.unwrap();
    let before = shown(&live);
    let new = scene.authority.host(&[GATE]);
    // In the midst of it the key does not fit, which changes nothing.
    new.replace_certificate(&scene.gate);
    scene.until_looked().await;
    assert_eq!(shown(&within(scene.connect(GATE)).await.unwrap()), before);
    new.replace(&scene.gate);
    scene.until_other(GATE, &before).await;
    live.write_all(b"GET / HTTP/1.1\r\nhost: gate.example\r\n\r\n").await.unwrap();
    assert_eq!(within(live.read_u8()).await.unwrap(), b'H');
    std::fs::write(&scene.gate.certificate, "no certificate").unwrap();
    scene.until_looked().await;
    scene.is_well().await;
}

#[tokio::test]
async fn a_session_is_resumed_until_the_authorities_of_clients_change() {
    let scene = Scene::wanting(|authorities| ClientCertificates::Required { authorities }).await;
    let leaf = scene.clients.client("spiffe://corp/billing");
    let config = scene.authority.trusting().shows(&leaf).config();
    let kind = async || {
        let stream = within(connect(config.clone(), scene.address(), GATE)).await.unwrap();
        let kind = stream.get_ref().1.handshake_kind();
        within(get(stream)).await.map(|_| kind)
    };
    assert_eq!(kind().await.unwrap(), Some(HandshakeKind::Full));
    assert_eq!(kind().await.unwrap(), Some(HandshakeKind::Resumed));
    Authority::new().write(scene.folder.path().join("clients.pem"));
    let refused = async {
        while kind().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(refused).await;
}

#[tokio::test]
async fn a_certificate_that_is_wanted_must_be_a_good_one() {
    let required = Scene::wanting(|authorities| ClientCertificates::Required { authorities }).await;
    let optional = Scene::wanting(|authorities| ClientCertificates::Optional { authorities }).await;
    for (scene, without) in [(&required, false), (&optional, true)] {
        let good = scene.clients.client("spiffe://corp/billing");
        let answer = within(scene.shows(&good)).await.unwrap();
        assert!(answer.ends_with("spiffe://corp/billing"), "{answer}");
        for bad in [
            scene.clients.ended_client("spiffe://corp/billing"),
            Authority::new().client("spiffe://corp/billing"),
        ] {
            let answer = within(scene.shows(&bad)).await;
            assert!(answer.is_err(), "{answer:?}");
        }
        let answer = within(async { get(scene.connect(GATE).await?).await }).await;
        assert_eq!(answer.is_ok(), without, "{answer:?}");
        let again = within(scene.shows(&good)).await.unwrap();
        assert!(again.starts_with("HTTP/1.1 200"), "{again}");
    }
}
