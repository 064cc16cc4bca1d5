//! Content goes both ways as it comes, as fast as whoever takes it, and ends as it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Method};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;

use crate::proxy::{REGTECH, free, over};
use crate::support::gateway::Gateway;
use crate::support::origin::{Origin, saying};
use crate::support::raw::Raw;
use crate::support::requests::COMPLIANCE;
use crate::support::{until, within};

const HEAD: &str = "POST /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n";

/// Answers with what it is sent, as it comes.
async fn echo() -> Origin {
    Origin::start(async |request: Request| Response::new(request.into_body())).await
}

/// Tells when it is dropped.
struct Told(mpsc::UnboundedSender<&'static str>, &'static str);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

async fn read_until(raw: &mut Raw, wanted: &str) -> String {
    let mut read = String::new();
    while !read.contains(wanted) {
        let some = raw.some().await;
        assert!(!some.is_empty(), "it ended before {wanted}: {read}");
        read.push_str(&String::from_utf8_lossy(&some));
    }
    read
}

#[tokio::test]
async fn each_piece_passes_before_the_next_is_sent() {
    let origin = echo().await;
    let gateway = over(&origin, &[]).await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send(&format!("{HEAD}accept-encoding: gzip\r\n\r\n")).await;
    for piece in ["first", "second", "third"] {
        raw.send(&format!("{:x}\r\n{piece}\r\n", piece.len())).await;
        read_until(&mut raw, piece).await;
    }
    raw.send("0\r\n\r\n").await;
    read_until(&mut raw, "0\r\n\r\n").await;
    gateway.stop().await;
}

#[tokio::test]
async fn trailers_pass_both_ways_less_those_that_say_who_asks() {
    let origin = Origin::start(async |request: Request| {
        let trailers =
            request.into_body().collect().await.expect("it arrives").trailers().cloned().unwrap_or_default();
        let mut names: Vec<&str> = trailers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        let own = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-end"),
            HeaderValue::from_static("reached"),
        )]);
        let data = Frame::data(Bytes::from(names.join(" ")));
        let frames = stream::iter([Ok::<_, std::io::Error>(data), Ok(Frame::trailers(own))]);
        Response::builder()
            .header("trailer", "x-end")
            .body(Body::new(StreamBody::new(frames)))
            .expect("a response")
    })
    .await;
    let gateway = over(&origin, &[]).await;
    let mut raw = Raw::connect(gateway.address()).await;
    let names = "x-checksum, x-forwarded-for, x-api-key, via";
    raw.send(&format!("{HEAD}te: trailers\r\nconnection: te\r\ntrailer: {names}\r\n\r\n1\r\na\r\n0\r\n"))
        .await;
    raw.send("x-checksum: 1\r\nx-forwarded-for: 6.6.6.6\r\nx-api-key: k\r\nvia: 1.1 a\r\n\r\n").await;
    let read = read_until(&mut raw, "x-end: reached\r\n\r\n").await;
    assert!(read.contains("trailer: x-end") && read.contains("\r\nx-checksum\r\n0\r\n"), "{read}");
    gateway.stop().await;
}

#[tokio::test]
async fn content_that_waits_for_a_word_is_sent_once_the_service_wants_it() {
    let origin = echo().await;
    let gateway = over(&origin, &[]).await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send("PUT /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 7\r\n\r\n").await;
    assert_eq!(raw.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("content").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 200 "));
    read_until(&mut raw, "content").await;
    // Whoever may not send it is told so before.
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send("PUT /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 413 "));
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_may_come_before_the_end_of_what_is_asked() {
    let origin = Origin::start(async |_: Request| {
        Response::builder().status(403).body(Body::from("enough")).expect("a response")
    })
    .await;
    let gateway = over(&origin, &[]).await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send(&format!("{HEAD}\r\n1\r\na\r\n")).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 403 "));
    read_until(&mut raw, "enough").await;
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_towards_the_client() {
    for said in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\n",
    ] {
        let url = saying(said).await;
        let gateway = Gateway::with(&[(REGTECH, &url)]).await;
        let mut raw = Raw::connect(gateway.address()).await;
        raw.send("GET /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        let rest = String::from_utf8(raw.rest().await).expect("text");
        assert!(!rest.ends_with("0\r\n\r\n"), "a false end: {rest}");
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 200 "), "{rest}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn what_came_before_an_answer_broke_off_arrives() {
    let (breaks, broken) = tokio::sync::watch::channel(false);
    let origin = Origin::start(move |_: Request| {
        let mut broken = broken.clone();
        async move {
            let end = stream::once(async move {
                broken.wait_for(|is_broken| *is_broken).await.expect("the test runs");
                Err(std::io::Error::other("it breaks"))
            });
            let begin = stream::iter([Ok(Bytes::from_static(b"begin"))]);
            Response::new(Body::from_stream(begin.chain(end)))
        }
    })
    .await;
    let gateway = over(&origin, &[]).await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send("GET /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    read_until(&mut raw, "5\r\nbegin\r\n").await;
    breaks.send(true).expect("the service waits");
    assert_eq!(raw.rest().await, b"", "no end is made up");
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_call_along() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let origin = Origin::start(move |request: Request| {
        let tell = tell.clone();
        async move {
            if request.uri().path() == COMPLIANCE {
                return Response::default();
            }
            if request.uri().path() == "/waiting" {
                let _told = Told(tell.clone(), "left while it waited");
                tell.send("asked").expect("the test runs");
                std::future::pending::<()>().await;
            }
            let told = Told(tell.clone(), "left while it was answered");
            let endless = stream::repeat_with(move || {
                let _ = &told;
                Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 1024]))
            });
            tell.send("asked").expect("the test runs");
            Response::new(Body::from_stream(endless))
        }
    })
    .await;
    let gateway = over(&origin, &[]).await;
    for (path, expected) in [("waiting", "left while it waited"), ("endless", "left while it was answered")] {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.send(&format!("GET /api/v1/regtech/{path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        while within(told.recv()).await != Some("asked") {}
        drop(raw);
        assert_eq!(within(told.recv()).await, Some(expected));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn who_does_not_read_is_not_read_for_and_keeps_nobody_waiting() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let origin = Origin::start(move |request: Request| {
        let counted = Arc::clone(&counted);
        async move {
            if request.uri().path() == "/small" {
                return Response::new(Body::from("small"));
            }
            let endless = stream::repeat_with(move || {
                counted.fetch_add(64 * 1024, Ordering::Relaxed);
                Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 64 * 1024]))
            });
            Response::new(Body::from_stream(endless))
        }
    })
    .await;
    let gateway = over(&origin, &[]).await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        // What the system keeps for a client grows with what that takes, and would hide what the gateway reads.
        let mut raw = Raw::connect_narrow(gateway.address()).await;
        raw.send("GET /api/v1/regtech/endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        raw.head().await;
        slow.push(raw);
    }
    // As long as something is still read, there is more than before.
    let (mut before, mut same) = (0, 0);
    until("nothing more is read", async || {
        let now = sent.load(Ordering::Relaxed);
        same = if now == before { same + 1 } else { 0 };
        before = now;
        (same == 40).then_some(())
    })
    .await;
    println!("{before} bytes were read for nobody");
    assert!(before < 8 * 16 * 1024 * 1024, "{before} bytes were read for nobody");
    for _ in 0..20 {
        assert_eq!(free(&gateway).get("/api/v1/regtech/small").await.text(), "small");
    }
    drop(slow);
    gateway.stop().await;
}

#[tokio::test]
async fn what_the_service_does_not_take_is_not_taken_from_the_client() {
    let (open, opened) = tokio::sync::watch::channel(false);
    let origin = Origin::start(move |request: Request| {
        let mut opened = opened.clone();
        async move {
            opened.wait_for(|is_open| *is_open).await.expect("the test runs");
            let mut bytes = 0;
            let mut content = request.into_body().into_data_stream();
            while let Some(piece) = content.next().await {
                bytes += piece.expect("it arrives").len();
            }
            Response::new(Body::from(bytes.to_string()))
        }
    })
    .await;
    let route =
        r#"[{prefix = "/up", service = "regtech", max_body_bytes = 1073741824, timeout_seconds = 600}]"#;
    let gateway = over(&origin, &[("PROXY__ROUTES", route)]).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    const PIECES: usize = 1024;
    let content = stream::iter(0..PIECES).map(move |_| {
        counted.fetch_add(64 * 1024, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 64 * 1024]))
    });
    let client = free(&gateway);
    let request = client.request(Method::POST, "/up/a").body(reqwest::Body::wrap_stream(content));
    let sending = tokio::spawn(async move { client.send(request).await });
    let (mut before, mut same) = (0, 0);
    until("nothing more is taken", async || {
        let now = taken.load(Ordering::Relaxed);
        same = if now == before && now > 0 { same + 1 } else { 0 };
        before = now;
        (same == 40).then_some(())
    })
    .await;
    assert!(before < 32 * 1024 * 1024, "{before} bytes were taken for nobody");
    open.send(true).expect("the service waits");
    let answer = within(sending).await.expect("no panic");
    assert_eq!(answer.text(), (PIECES * 64 * 1024).to_string(), "{answer:?}");
    gateway.stop().await;
}
