//! Clients that mean no good: whatever they do, the others are served.
use std::io::ErrorKind;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{Gateway, Seed, Start, client, figure, health, until, within};

const OPEN: &str = "integridai_server_connections_open";
const REFUSED: &str = "integridai_server_connections_refused_total";

async fn gateway(keys: &[(&str, u32)]) -> (TempDir, Gateway) {
    let folder = tempfile::tempdir().unwrap();
    let start = Start::new(&folder.path().join("gateway.db"));
    let start = keys.iter().fold(start, |start, (key, value)| start.set(key, value));
    (folder, start.run().await)
}

async fn connections(gateway: &Gateway, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(within("a connection", TcpStream::connect(gateway.address)).await.unwrap());
    }
    streams
}

/// What is said before the connection ends, however it ends.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    if let Err(error) = within("the end of the connection", stream.read_to_end(&mut said)).await {
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    }
    said
}

/// Nothing panicked, and nothing was left behind but the connection that asks.
async fn assert_unharmed(gateway: Gateway) {
    let client = client();
    until("all connections closed", async || figure(&client, &gateway, OPEN).await == Some(1.0)).await;
    health(&client, &gateway).await;
    for panics in ["integridai_panics_total", "integridai_server_connections_panicked_total"] {
        assert!(figure(&client, &gateway, panics).await.is_none_or(|count| count == 0.0), "{panics}");
    }
    let exit = gateway.stop().await;
    assert_eq!((exit.code, exit.errors.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn clients_that_send_their_request_byte_by_byte_are_cut_and_others_are_served() {
    let (_folder, gateway) = gateway(&[("SERVER__HEADER_READ_TIMEOUT_SECONDS", 1)]).await;
    let mut slow = JoinSet::new();
    for stream in connections(&gateway, 100).await {
        slow.spawn(async move {
            let (mut reader, mut writer) = stream.into_split();
            let trickle = async {
                for byte in
                    b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ".iter().chain([b'x'; 100_000].iter())
                {
                    if writer.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                std::future::pending::<()>().await;
            };
            let mut said = Vec::new();
            tokio::select! {
                () = trickle => unreachable!("it never ends by itself"),
                _ = reader.read_to_end(&mut said) => {}
            }
            assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), "{said:?}");
        });
    }
    let client = client();
    for _ in 0..20 {
        health(&client, &gateway).await;
    }
    within("the cut of all", slow.join_all()).await;
    assert_unharmed(gateway).await;
}

#[tokio::test]
async fn five_hundred_silent_connections_hold_up_nobody_and_are_closed() {
    let (_folder, gateway) = gateway(&[("SERVER__HEADER_READ_TIMEOUT_SECONDS", 5)]).await;
    let mut silent = connections(&gateway, 500).await;
    let client = client();
    until("all of them open", async || figure(&client, &gateway, OPEN).await >= Some(500.0)).await;
    health(&client, &gateway).await;
    for stream in &mut silent {
        assert_eq!(rest(stream).await, b"");
    }
    assert_unharmed(gateway).await;
}

#[tokio::test]
async fn beyond_the_most_connections_new_ones_are_told_so_and_old_ones_go_on() {
    let (_folder, gateway) =
        gateway(&[("SERVER__MAX_CONNECTIONS", 50), ("SERVER__HEADER_READ_TIMEOUT_SECONDS", 600)]).await;
    let (client, newcomer) = (client(), client());
    health(&client, &gateway).await;
    let held = connections(&gateway, 49).await;
    until("a full house", async || figure(&client, &gateway, OPEN).await == Some(50.0)).await;
    for stream in &mut connections(&gateway, 20).await {
        let said = String::from_utf8(rest(stream).await).unwrap();
        assert!(said.starts_with("HTTP/1.1 503 "), "{said:?}");
        assert!(said.to_lowercase().contains("retry-after: 5\r\n"), "{said:?}");
    }
    let mut flood = connections(&gateway, 400).await;
    health(&client, &gateway).await;
    for stream in &mut flood {
        let said = rest(stream).await;
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 503 "), "{said:?}");
    }
    assert_eq!(figure(&client, &gateway, REFUSED).await, Some(420.0));
    drop(held);
    until("room", async || figure(&client, &gateway, OPEN).await == Some(1.0)).await;
    health(&newcomer, &gateway).await;
    drop((client, newcomer));
    assert_unharmed(gateway).await;
}

#[tokio::test]
async fn a_gateway_that_is_out_of_descriptors_serves_whom_it_has_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let start = Start::new(&folder.path().join("gateway.db")).set("SERVER__HEADER_READ_TIMEOUT_SECONDS", 600);
    let gateway = start.most_descriptors(100).run().await;
    let (client, newcomer) = (client(), client());
    health(&client, &gateway).await;
    let flood = connections(&gateway, 200).await;
    let errors = "integridai_server_accept_errors_total";
    until("refused descriptors", async || figure(&client, &gateway, errors).await > Some(0.0)).await;
    health(&client, &gateway).await;
    drop(flood);
    health(&newcomer, &gateway).await;
    drop((client, newcomer));
    assert_unharmed(gateway).await;
}

/// Each is sent on a connection of its own, whose writing end is then closed.
const GARBAGE: [&[u8]; 14] = [
    b"",
    b"\r\n\r\n\r\n",
    b"\0\0\0\0\0\0\0\0",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost gateway\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"POST /api/v1/gateway/execute HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    b"POST /api/v1/gateway/execute HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    b"POST /api/v1/gateway/execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
    b"POST /api/v1/gateway/execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
];

#[tokio::test]
async fn bytes_that_are_no_request_are_answered_with_an_error_or_not_at_all() {
    let (_folder, gateway) = gateway(&[("SERVER__HEADER_READ_TIMEOUT_SECONDS", 2)]).await;
    let mut seed = Seed::of_now();
    let noise = (0..100).map(|_| {
        let length = seed.between(1, 4_000);
        (0..length).map(|_| u8::try_from(seed.between(0, 256)).unwrap()).collect::<Vec<_>>()
    });
    let monstrous = [b"GET / HTTP/1.1\r\nhost: ".to_vec(), vec![b'x'; 1024 * 1024]].concat();
    let many = b"GET / HTTP/1.1\r\n".iter().chain(b"x: y\r\n".repeat(5_000).iter()).copied().collect();
    let inputs = GARBAGE.iter().map(|bytes| bytes.to_vec()).chain(noise).chain([monstrous, many]);
    let mut clients = JoinSet::new();
    for bytes in inputs {
        let mut stream = connections(&gateway, 1).await.remove(0);
        clients.spawn(async move {
            // The gateway may close before everything is written; what it said is still there.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let said = rest(&mut stream).await;
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned();
            let is_refused = said.is_empty() || said.starts_with(b"HTTP/1.1 4");
            // Frames of HTTP/2 begin with their length, and the first one is SETTINGS.
            let is_http2 = shown.starts_with("PRI ") && said.get(3) == Some(&4);
            assert!(is_refused || is_http2, "{shown:?}: {:?}", String::from_utf8_lossy(&said));
        });
    }
    within("all answers", clients.join_all()).await;
    assert_unharmed(gateway).await;
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_leave_nothing_behind() {
    let (_folder, gateway) = gateway(&[]).await;
    let heads: [&[u8]; 3] = [
        b"GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"POST /api/v1/gateway/execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
        b"GET /api/v1/realtime/subscribe HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ];
    for round in 0..60 {
        let mut stream = connections(&gateway, 1).await.remove(0);
        stream.write_all(heads[round % heads.len()]).await.unwrap();
        stream.set_zero_linger().unwrap();
    }
    let client = client();
    until("no subscriber", async || {
        figure(&client, &gateway, "integridai_realtime_subscribers").await.is_none_or(|count| count == 0.0)
    })
    .await;
    // The one request under way is the one that asks.
    until("no request", async || figure(&client, &gateway, "http_server_active_requests").await == Some(1.0))
        .await;
    assert_unharmed(gateway).await;
}
