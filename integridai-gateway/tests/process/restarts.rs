//! SIGTERM and restarts while clients ask: whoever was let in is answered, and nobody is turned away where the socket outlives
//! the process.
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{Start, until, within};

/// Asks once; whether the answer says that it was the last.
async fn ask(stream: &mut TcpStream) -> io::Result<bool> {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split_once('\r'));
    let length = length.expect("a length").0.parse().expect("a number");
    stream.read_exact(&mut vec![0; length]).await?;
    Ok(head.contains("connection: close"))
}

/// Clients that ask all the time, half of them on a new connection each time.
struct Load {
    clients: JoinSet<io::Result<()>>,
    answers: Arc<AtomicUsize>,
    is_enough: Arc<AtomicBool>,
}

impl Load {
    fn on(address: SocketAddr) -> Self {
        let (answers, is_enough) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let mut clients = JoinSet::new();
        for number in 0..8 {
            let (answers, is_enough) = (Arc::clone(&answers), Arc::clone(&is_enough));
            clients.spawn(async move {
                while !is_enough.load(Ordering::SeqCst) {
                    let mut stream = TcpStream::connect(address).await?;
                    let mut is_last = false;
                    while !is_last && !is_enough.load(Ordering::SeqCst) {
                        is_last = ask(&mut stream).await? || number % 2 == 0;
                        answers.fetch_add(1, Ordering::SeqCst);
                    }
                }
                Ok(())
            });
        }
        Self { clients, answers, is_enough }
    }

    /// Waits for so many more answers.
    async fn goes_on(&self) {
        let enough = self.answers.load(Ordering::SeqCst) + 40;
        until("more answers", async || self.answers.load(Ordering::SeqCst) >= enough).await;
    }

    async fn end(self) -> Vec<io::Error> {
        self.is_enough.store(true, Ordering::SeqCst);
        let ended = within("the end of the clients", self.clients.join_all()).await;
        ended.into_iter().filter_map(Result::err).collect()
    }
}

#[tokio::test]
async fn a_gateway_is_replaced_under_load_and_no_request_fails() {
    let folder = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = Start::new(&folder.path().join("gateway.db"))
        .logs("warn")
        .set("SERVER__LINGER_SECONDS", 60)
        .at(socket.local_addr().unwrap())
        .inheriting(&socket);
    let mut gateway = start.run().await;
    let load = Load::on(gateway.address);
    for _ in 0..3 {
        load.goes_on().await;
        assert_eq!(gateway.stop().await.code, Some(0));
        gateway = start.run().await;
    }
    load.goes_on().await;
    let failures = load.end().await;
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn connections_that_are_kept_end_with_an_answer_that_says_so() {
    for runtime in ["multi_thread", "per_core"] {
        ends_with_an_answer(runtime).await;
    }
}

async fn ends_with_an_answer(runtime: &str) {
    let folder = tempfile::tempdir().unwrap();
    let start = Start::new(&folder.path().join("gateway.db")).logs("warn").set("SERVER__LINGER_SECONDS", 60);
    let gateway = start.set("SERVER__RUNTIME", runtime).run().await;
    let address = gateway.address;
    let mut clients = JoinSet::new();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Only who was let in has anything to lose.
        assert!(!ask(&mut stream).await.unwrap());
        clients.spawn(async move {
            while !ask(&mut stream).await? {}
            stream.read_to_end(&mut Vec::new()).await
        });
    }
    assert_eq!(gateway.stop().await.code, Some(0));
    for ended in within("the end of the clients", clients.join_all()).await {
        assert_eq!(ended.unwrap(), 0, "nothing comes behind the last answer");
    }
}

#[tokio::test]
async fn a_websocket_outlives_the_drain_of_its_core_until_it_is_told_goodbye() {
    let folder = tempfile::tempdir().unwrap();
    let start = Start::new(&folder.path().join("gateway.db")).set("SERVER__RUNTIME", "per_core");
    let gateway = start.run().await;
    let url = format!("ws://{}/api/v1/realtime/subscribe", gateway.address);
    let (mut socket, _) = within("the handshake", tokio_tungstenite::connect_async(url)).await.unwrap();
    gateway.signal("TERM");
    let goodbye = within("the goodbye", async {
        loop {
            if let Message::Close(frame) = socket.next().await.expect("a goodbye").expect("a frame") {
                break frame.expect("a reason");
            }
        }
    });
    assert_eq!(goodbye.await.code, CloseCode::Away);
    assert_eq!(gateway.exit().await.code, Some(0));
}

#[tokio::test]
async fn two_gateways_listen_at_one_address_where_both_say_so() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = |folder: &std::path::Path| Start::new(&folder.join("gateway.db"));
    let first = start(one.path()).set("SERVER__REUSE_PORT", true).run().await;
    let refused = start(two.path()).at(first.address).fail().await;
    refused.assert_refused(1, &["server.listen", &first.address.to_string()]);
    let second = start(two.path()).at(first.address).set("SERVER__REUSE_PORT", true).run().await;
    assert_eq!(first.stop().await.code, Some(0));
    let mut stream = TcpStream::connect(second.address).await.unwrap();
    assert!(!ask(&mut stream).await.unwrap());
    drop(stream);
    assert_eq!(second.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_socket_that_the_configuration_does_not_know_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let start = Start::new(&folder.path().join("gateway.db")).inheriting(&socket);
    start.fail().await.assert_refused(78, &[&address, "LISTEN_FDS", "server.listen"]);
}
