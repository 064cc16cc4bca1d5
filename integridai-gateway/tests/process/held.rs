//! Thousands of connections that are held open for nothing, while others ask as usual.
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::{Gateway, PATIENCE, Start, client, figure, until, within};

const IDLE: usize = 5_000;
const SLOW: usize = 1_000;
const ASKED: usize = 500;
/// Between two bytes of each slow client.
const PAUSE: Duration = Duration::from_secs(2);

/// As many descriptors as this process may have; the gateway has the same.
fn raise_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .expect("a lower limit");
    limit.maximum.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// Connections that have had one answer, and wait.
async fn idle(gateway: &Gateway, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream =
            within("a connection", TcpStream::connect(gateway.address)).await.expect("it listens");
        answered(&mut stream).await;
        streams.push(stream);
    }
    streams
}

async fn answered(stream: &mut TcpStream) {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("it is open");
    let mut said = Vec::new();
    while !said.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = within("an answer", stream.read_buf(&mut said)).await.expect("it is open");
        assert!(read > 0, "{said:?}");
    }
    assert!(said.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&said));
}

/// Connections whose heads come byte by byte, for ever.
async fn slow(gateway: &Gateway, count: usize) -> JoinHandle<()> {
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream =
            within("a connection", TcpStream::connect(gateway.address)).await.expect("it listens");
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.expect("it is open");
        streams.push(stream);
    }
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(PAUSE / u32::try_from(count.max(1)).expect("a few thousand"));
        for next in (0..streams.len()).cycle() {
            turns.tick().await;
            streams[next].write_all(b"x").await.expect("it is open");
        }
    })
}

/// What 99 of 100 answers are no slower than.
async fn p99(client: &reqwest::Client, gateway: &Gateway) -> Duration {
    let mut times = Vec::with_capacity(ASKED);
    for _ in 0..ASKED {
        let asked = Instant::now();
        let answer =
            within("an answer", client.get(gateway.url("/api/v1/health")).send()).await.expect("answered");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a whole body");
        times.push(asked.elapsed());
    }
    times.sort();
    times[ASKED * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_idle_and_slow_connections_hold_up_nobody() {
    let most = raise_descriptors().saturating_sub(500);
    let (idle_count, slow_count) = (IDLE.min(most * 5 / 6), SLOW.min(most / 6));
    let folder = tempfile::tempdir().unwrap();
    let start = Start::new(&folder.path().join("gateway.db"));
    let patient = ["SERVER__HEADER_READ_TIMEOUT_SECONDS", "SERVER__IDLE_TIMEOUT_SECONDS"];
    let start = patient.iter().fold(start, |start, key| start.set(key, 10 * PATIENCE.as_secs()));
    let gateway = start.run().await;
    let client = client();
    // The first ones open connections and fill caches.
    p99(&client, &gateway).await;
    let alone = p99(&client, &gateway).await;
    let (mut waiting, trickling) = (idle(&gateway, idle_count).await, slow(&gateway, slow_count).await);
    let held = u32::try_from(idle_count + slow_count).unwrap();
    let open = "integridai_server_connections_open";
    until("all of them open", async || figure(&client, &gateway, open).await > Some(f64::from(held))).await;
    let beside = p99(&client, &gateway).await;
    println!(
        "p99 alone {alone:?}, beside {idle_count} idle and {slow_count} slow connections {beside:?}: {:.2} times",
        beside.as_secs_f64() / alone.as_secs_f64()
    );
    assert!(!trickling.is_finished(), "the slow ones were cut");
    for stream in waiting.iter_mut().step_by(50) {
        answered(stream).await;
    }
    trickling.abort();
    drop(waiting);
    // Those that ask may have a few of their own.
    let are_closed = async || figure(&client, &gateway, open).await.is_some_and(|count| count < 10.0);
    until("all closed", are_closed).await;
    assert_eq!(gateway.stop().await.code, Some(0));
}
