//! Requests and connections of HTTP/2 that are malformed or floods, frame by frame: the stream is refused or reset, or the
//! connection is closed, and the others are served meanwhile.

use std::time::{Duration, Instant};

use crate::proxy::over;
use crate::support::gateway::Gateway;
use crate::support::http2_frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Outcome, PADDED, PING, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, outcome, request,
};
use crate::support::origin::Origin;
use crate::support::within;

use Outcome::{Closed, Reset, Status};

type Row = (&'static str, Vec<u8>, Outcome);
type Fields<'a> = Vec<(&'a str, &'a str)>;

const WHOLE: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "http"), (":path", "/api/v1/regtech/a"), (":authority", "localhost")];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Fields<'a> {
    WHOLE.iter().chain(more).copied().collect()
}

fn without(name: &str) -> Fields<'static> {
    WHOLE.into_iter().filter(|(own, _)| *own != name).collect()
}

fn instead<'a>(name: &str, value: &'a str) -> Fields<'a> {
    WHOLE.into_iter().map(|(own, old)| if own == name { (own, value) } else { (own, old) }).collect()
}

fn asking(what: &'static str, fields: &[(&str, &str)], outcome: Outcome) -> Row {
    (what, request(1, fields), outcome)
}

/// With content, which says by itself how long it is.
fn posting(what: &'static str, fields: &[(&str, &str)], content: &[u8], outcome: Outcome) -> Row {
    let head = frame(HEADERS, END_HEADERS, 1, &block(&with(fields)));
    (what, [head, frame(DATA, END_STREAM, 1, content)].concat(), outcome)
}

/// Those that h2 cannot even name close the connection, which RFC 9113 §8.1.1 leaves to it.
fn fields() -> Vec<Row> {
    [
        ("connection", "keep-alive", Reset),
        ("keep-alive", "timeout=5", Reset),
        ("proxy-connection", "keep-alive", Reset),
        ("transfer-encoding", "chunked", Reset),
        ("upgrade", "h2c", Reset),
        ("te", "gzip", Reset),
        ("X-Upper", "1", Closed),
        ("x y", "1", Closed),
        ("x\0", "1", Closed),
        ("x:y", "1", Closed),
        ("", "1", Closed),
        ("x", "a\r\nb: c", Closed),
        ("x", "a\0b", Closed),
        ("x", "a\nb", Closed),
        (":unknown", "1", Closed),
        (":status", "200", Reset),
        (":path", "/b", Reset),
    ]
    .map(|(name, value, outcome)| asking("a field that must not be", &with(&[(name, value)]), outcome))
    .into()
}

fn pseudo_fields() -> Vec<Row> {
    let after: Fields<'_> = vec![WHOLE[0], ("x", "y"), WHOLE[1], WHOLE[2], WHOLE[3]];
    vec![
        asking("no method", &without(":method"), Reset),
        asking("no scheme", &without(":scheme"), Reset),
        asking("no path", &without(":path"), Reset),
        asking("an empty path", &instead(":path", ""), Reset),
        asking("a path without a slash", &instead(":path", "livez"), Reset),
        asking("a pseudo-field after others", &after, Reset),
        asking("no authority and no host", &without(":authority"), Status(400)),
        asking("an authority that is none", &instead(":authority", "local host"), Reset),
        asking("an authority with a user", &instead(":authority", "user@localhost"), Status(400)),
        asking("another authority", &instead(":authority", "evil.example"), Status(421)),
        asking("another host", &with(&[("host", "evil.example")]), Status(400)),
        asking("two hosts", &with(&[("host", "localhost"), ("host", "localhost")]), Status(400)),
        asking("a tunnel", &[(":method", "CONNECT"), (":authority", "localhost:80")], Status(501)),
        asking("a method that is none", &instead(":method", "G(T"), Closed),
        asking("an unknown expectation", &with(&[("expect", "200-ok")]), Status(417)),
        asking("no handshake", &instead(":path", "/api/v1/realtime/subscribe"), Status(405)),
        asking("a long path", &instead(":path", &format!("/{}", "a".repeat(9_000))), Status(414)),
        asking("a large head", &with(&[("x", &"y".repeat(40_000))]), Closed),
    ]
}

fn contents() -> Vec<Row> {
    let large = frame(HEADERS, END_HEADERS, 1, &block(&with(&[("content-length", "2000000")])));
    vec![
        posting("less than it says", &[("content-length", "5")], b"abc", Reset),
        posting("more than it says", &[("content-length", "2")], b"abc", Reset),
        posting("two lengths", &[("content-length", "3"), ("content-length", "4")], b"abc", Reset),
        posting("a length with a sign", &[("content-length", "+3")], b"abc", Reset),
        posting("a list of lengths", &[("content-length", "3, 3")], b"abc", Reset),
        ("too much", [large, frame(DATA, 0, 1, &[b'a'; 16_384])].concat(), Status(413)),
        asking("nothing of what it says", &with(&[("content-length", "5")]), Reset),
    ]
}

/// Each breaks the connection (RFC 9113 §5.4.1).
fn frames() -> Vec<Row> {
    let settings =
        |id: u16, value: u32| frame(SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
    let head = frame(HEADERS, END_HEADERS, 1, &block(&WHOLE));
    let begun = frame(HEADERS, 0, 1, &block(&WHOLE));
    [
        ("DATA on no stream", frame(DATA, 0, 0, b"a")),
        ("HEADERS on no stream", frame(HEADERS, END_HEADERS, 0, &block(&WHOLE))),
        ("HEADERS on a server's stream", request(2, &WHOLE)),
        ("HEADERS on an older stream", [request(3, &WHOLE), request(1, &WHOLE)].concat()),
        ("DATA on an idle stream", frame(DATA, 0, 7, b"a")),
        ("SETTINGS on a stream", frame(SETTINGS, 0, 1, &[])),
        ("half a setting", frame(SETTINGS, 0, 0, &[0; 5])),
        ("an acknowledgement with content", frame(SETTINGS, ACK, 0, &[0; 6])),
        ("a push of 2", settings(2, 2)),
        ("a window beyond all", settings(4, 0x8000_0000)),
        ("frames too small", settings(5, 100)),
        ("half a PING", frame(PING, 0, 0, &[0; 7])),
        ("PING on a stream", frame(PING, 0, 1, &[0; 8])),
        ("no window", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("a window that overflows", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("half a window", frame(WINDOW_UPDATE, 0, 0, &[0; 3])),
        ("a reset of an idle stream", frame(RST_STREAM, 0, 9, &[0; 4])),
        ("half a reset", [head.clone(), frame(RST_STREAM, 0, 1, &[0; 3])].concat()),
        ("a frame beyond all", frame(DATA, 0, 1, &[0; 20_000])),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &[])),
        ("a frame in the middle of a head", [begun.clone(), frame(PING, 0, 0, &[0; 8])].concat()),
        ("a continuation of another", [begun, frame(CONTINUATION, END_HEADERS, 3, &[])].concat()),
        ("a push by a client", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])),
        ("more padding than content", [head, frame(DATA, PADDED, 1, &[200, 1, 2])].concat()),
        ("an index that is none", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff, 0xff, 0x7f])),
        ("a table beyond all", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x3f, 0xff, 0xff, 0x7f])),
        ("half a goodbye", frame(GOAWAY, 0, 0, &[0; 4])),
        ("half a priority", frame(PRIORITY, 0, 0, &[0; 5])),
    ]
    .map(|(what, frames)| (what, frames, Closed))
    .into()
}

/// Far more of it than anybody needs.
fn floods() -> Vec<Row> {
    let asked_and_reset =
        |stream| [request(stream, &WHOLE), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat();
    let head = frame(HEADERS, END_HEADERS, 1, &block(&WHOLE));
    let faulty = |stream| request(stream, &with(&[("te", "gzip")]));
    let begun = frame(HEADERS, END_STREAM, 1, &block(&WHOLE));
    let streams =
        |frames: &dyn Fn(u32) -> Vec<u8>| (0..5_000).flat_map(|index| frames(index * 2 + 3)).collect();
    let small = frame(DATA, 0, 1, b"a").repeat(100_000);
    vec![
        ("requests that are reset", streams(&asked_and_reset), Closed),
        ("requests with a fault", streams(&faulty), Closed),
        ("empty DATA", [head.clone(), frame(DATA, 0, 1, &[]).repeat(50_000)].concat(), Closed),
        ("a byte in each DATA", [head, small].concat(), Closed),
        ("continuations", [begun.clone(), frame(CONTINUATION, 0, 1, &[]).repeat(50_000)].concat(), Closed),
        (
            "fields without end",
            [begun, frame(CONTINUATION, 0, 1, &block(&[("x", "y"); 1_000])).repeat(100)].concat(),
            Closed,
        ),
    ]
}

/// What is wrong with how it ended, if anything.
async fn fault(gateway: &Gateway, (what, frames, expected): &Row) -> Option<String> {
    let ended = outcome(gateway.address(), frames).await;
    let shown = String::from_utf8_lossy(&frames[..frames.len().min(200)]);
    (ended != *expected).then(|| format!("{what}: {ended:?} for {expected:?}: {shown:?}"))
}

async fn healthy(gateway: &Gateway, what: &str) -> Duration {
    let asked = Instant::now();
    assert_eq!(within(gateway.client.get("/livez")).await.status, 200, "after {what}");
    asked.elapsed()
}

/// A service that takes all content before it answers.
async fn reader() -> Origin {
    Origin::start(async |request: axum::extract::Request| {
        let read = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        axum::response::Response::new(axum::body::Body::from(format!("{:?}", read.map(|bytes| bytes.len()))))
    })
    .await
}

#[tokio::test]
async fn what_is_malformed_ends_its_stream_or_its_connection_and_nothing_else() {
    let gateway = over(&reader().await, &[]).await;
    let tables = [fields(), pseudo_fields(), contents(), frames()];
    let (mut count, mut slowest, mut faults) = (0, Duration::ZERO, Vec::new());
    for row in tables.iter().flatten() {
        faults.extend(fault(&gateway, row).await);
        slowest = slowest.max(healthy(&gateway, row.0).await);
        count += 1;
    }
    assert_eq!(faults, Vec::<String>::new());
    println!("{count} exchanges; the slowest answer after one took {slowest:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn floods_end_their_connection() {
    let gateway = over(&reader().await, &[]).await;
    for row in &floods() {
        assert_eq!(fault(&gateway, row).await, None);
        let took = healthy(&gateway, row.0).await;
        println!("{}: the answer after it took {took:?}", row.0);
    }
    gateway.stop().await;
}

/// They have to be answered, which is as much work for whoever sends them.
#[tokio::test]
async fn settings_and_pings_without_end_take_no_more_than_their_time() {
    let gateway = over(&reader().await, &[]).await;
    for (what, kind, payload) in [("SETTINGS", SETTINGS, &[][..]), ("PING", PING, &[0; 8])] {
        let flood = frame(kind, 0, 0, payload).repeat(50_000);
        let answered = [flood, request(1, &WHOLE)].concat();
        assert_eq!(outcome(gateway.address(), &answered).await, Status(200), "{what}");
        healthy(&gateway, what).await;
    }
    gateway.stop().await;
}
