//! Memory does not grow with the number of requests.
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{Gateway, Start, analysis, simulators, within};

const CONNECTIONS: usize = 16;
const WARM: usize = 20_000;
const ALL: usize = 100_000;
const MEBIBYTE: u64 = 1024 * 1024;
const MOST_GROWTH: u64 = 16 * MEBIBYTE;

/// Resident memory in bytes, as the kernel counts it.
fn resident(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes * 1024
}

async fn connect(gateway: &Gateway) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(gateway.address).await.expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    sender
}

/// The mix: figures, an analysis, a path that does not exist, a request that makes no sense.
fn request(number: usize) -> (Request<Full<Bytes>>, u16) {
    let get = |path: &str| Request::get(path).body(Full::default());
    let post = |body: String| {
        let request = Request::post("/api/v1/gateway/execute");
        request.header(header::CONTENT_TYPE, "application/json").body(Full::from(body))
    };
    let (request, expected) = match number % 4 {
        0 => (get("/api/v1/metrics/consolidated"), 200),
        1 => (post(analysis(number).to_string()), 200),
        2 => (get(&format!("/nothing/{number}")), 404),
        _ => (post(format!(r#"{{"workflow":"unknown-{number}"}}"#)), 422),
    };
    let mut request = request.expect("a request");
    request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("localhost"));
    (request, expected)
}

async fn send(gateway: &Gateway, numbers: std::ops::Range<usize>) {
    let mut clients = JoinSet::new();
    for first in 0..CONNECTIONS {
        let (mut sender, numbers) = (connect(gateway).await, numbers.clone());
        clients.spawn(async move {
            for number in numbers.skip(first).step_by(CONNECTIONS) {
                let (request, expected) = request(number);
                let answer = sender.send_request(request).await.expect("answered");
                assert_eq!(answer.status(), expected);
                answer.into_body().collect().await.expect("a whole body");
            }
        });
    }
    clients.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_flat_after_the_first_requests() {
    let folder = tempfile::tempdir().unwrap();
    let simulators = simulators();
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators);
    let gateway = start.logs("warn").run().await;
    let begun = std::time::Instant::now();
    send(&gateway, 0..WARM).await;
    let warm = resident(&gateway);
    println!("{:?}", begun.elapsed());
    send(&gateway, WARM..ALL).await;
    let end = resident(&gateway);
    println!("{:?}", begun.elapsed());
    println!("{} KiB after {WARM} requests, {} KiB after {ALL}", warm / 1024, end / 1024);
    assert!(end < warm + MOST_GROWTH, "{} KiB more", (end - warm) / 1024);
    assert_eq!(within("the end", gateway.stop()).await.code, Some(0));
}

/// As many as fit the files that a process may usually have open.
const SUBSCRIBERS: u64 = 400;
/// What allocators and kernels count beside it differs; a buffer of the usual size for each would be far beyond.
const MOST_PER_SUBSCRIBER: u64 = 8 * 1024;

async fn subscribe(gateway: &Gateway) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.expect("it listens");
    let handshake = "GET /api/v1/realtime/subscribe?topics=nothing HTTP/1.1\r\nhost: localhost\r\n\
        connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.expect("it is sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

#[tokio::test]
async fn a_subscriber_that_waits_takes_little() {
    let folder = tempfile::tempdir().unwrap();
    let simulators = simulators();
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators);
    let gateway = start.logs("warn").run().await;
    let mut held = Vec::new();
    for _ in 0..SUBSCRIBERS / 2 {
        held.push(within("a place", subscribe(&gateway)).await);
    }
    let before = resident(&gateway);
    for _ in 0..SUBSCRIBERS {
        held.push(within("a place", subscribe(&gateway)).await);
    }
    let each = resident(&gateway).saturating_sub(before) / SUBSCRIBERS;
    assert!(each <= MOST_PER_SUBSCRIBER, "{each} bytes for each");
    drop(held);
    assert_eq!(within("the end", gateway.stop()).await.code, Some(0));
}
