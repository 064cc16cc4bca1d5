//! What is passed on takes no memory, however much it is.
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Gateway, Start, simulators, within};

const PIECE: usize = 64 * 1024;
const MEBIBYTE: usize = 1024 * 1024;
const WARM: usize = 64 * MEBIBYTE;
const ALL: usize = 1024 * MEBIBYTE;
const MOST_GROWTH: usize = 8 * MEBIBYTE;

/// The most memory that it ever had at once, in bytes, as the kernel counts it.
fn peak(gateway: &Gateway) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes * 1024
}

fn content(bytes: usize) -> Body {
    static ZEROS: [u8; PIECE] = [0; PIECE];
    let piece = |_| Ok::<_, std::io::Error>(Bytes::from_static(&ZEROS));
    Body::from_stream(stream::iter(0..bytes / PIECE).map(piece))
}

async fn read(mut body: impl http_body::Body<Data = Bytes, Error: std::fmt::Debug> + Unpin) -> usize {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.expect("it arrives").data_ref().map_or(0, Bytes::len);
    }
    bytes
}

/// Takes what it is sent, tells how much that was, and sends as much back.
async fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let answer = async |request: Request| {
        let bytes = read(request.into_body()).await;
        ([("x-bytes", bytes.to_string())], content(bytes))
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

/// Sends so much and reads it back.
async fn pass(gateway: &Gateway, bytes: usize) {
    let stream = TcpStream::connect(gateway.address).await.expect("it listens");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    let request = http::Request::post("/large/a").header(header::HOST, "localhost").body(content(bytes));
    let answer = sender.send_request(request.expect("a request")).await.expect("answered");
    assert_eq!(answer.headers()["x-bytes"], bytes.to_string().as_str());
    assert_eq!(read(answer.into_body()).await, bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_each_way_takes_no_more_memory_than_a_little() {
    let folder = tempfile::tempdir().unwrap();
    let simulators = simulators();
    let route =
        r#"[{prefix = "/large", service = "regtech", max_body_bytes = 2147483648, timeout_seconds = 600}]"#;
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators).logs("warn");
    let start = start.set("SERVICES__REGTECH__BASE_URL", service().await).set("PROXY__ROUTES", route);
    let gateway = start.run().await;
    within("a little", pass(&gateway, WARM)).await;
    let warm = peak(&gateway);
    pass(&gateway, ALL).await;
    let end = peak(&gateway);
    println!("{} KiB after {WARM} bytes each way, {} KiB after {ALL}", warm / 1024, end / 1024);
    assert!(end < warm + MOST_GROWTH, "{} KiB more", (end - warm) / 1024);
    assert_eq!(within("the end", gateway.stop()).await.code, Some(0));
}
