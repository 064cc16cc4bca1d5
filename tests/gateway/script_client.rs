//! The client of `examples/subscribe_ts`, run by Node.js, behind a load balancer and over a restart.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::credentials::Guarded;
use crate::support::gateway::Gateway;
use crate::support::stream::publish;
use crate::support::within;

/// One address for whichever gateway there is.
struct Balancer {
    address: SocketAddr,
    gateway: Arc<Mutex<SocketAddr>>,
    running: JoinHandle<()>,
}

impl Balancer {
    async fn before(gateway: &Gateway) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let gateway = Arc::new(Mutex::new(gateway.address()));
        let current = Arc::clone(&gateway);
        let running = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let target = *current.lock().expect("no panic");
                connections.spawn(async move {
                    // Where nobody listens the client's connection is closed.
                    let Ok(mut server) = TcpStream::connect(target).await else { return };
                    drop(copy_bidirectional(&mut client, &mut server).await);
                });
            }
        });
        Self { address, gateway, running }
    }

    fn turn_to(&self, gateway: &Gateway) {
        *self.gateway.lock().expect("no panic") = gateway.address();
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// The program, until it ends by itself or is dropped.
fn node(address: SocketAddr, arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/subscribe_ts/main.mjs");
    let mut command = Command::new("node");
    command.arg(program).arg(format!("http://{address}")).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("these tests need node (Node.js 18 or newer)");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    (child, lines)
}

async fn cursors(lines: &mut Lines<BufReader<ChildStdout>>, count: usize) -> Vec<u64> {
    let mut cursors = Vec::new();
    while cursors.len() < count {
        let line = within(lines.next_line()).await.expect("text").expect("it goes on");
        let event: Value = serde_json::from_str(&line).expect("JSON");
        cursors.push(event["cursor"].as_u64().expect("a number"));
    }
    cursors
}

#[tokio::test]
async fn it_gets_every_event_once_and_in_order_over_a_restart() {
    let gateway = Gateway::start().await;
    let balancer = Balancer::before(&gateway).await;
    let mut published = publish(&gateway.client, "load", 0..10).await;
    let (mut child, mut lines) = node(balancer.address, &["load", "0", "40"]);
    let mut seen = cursors(&mut lines, 5).await;
    published.extend(publish(&gateway.client, "load", 10..20).await);
    let gateway = gateway.restart().await;
    published.extend(publish(&gateway.client, "load", 20..30).await);
    balancer.turn_to(&gateway);
    seen.extend(cursors(&mut lines, 25).await);
    published.extend(publish(&gateway.client, "load", 30..40).await);
    seen.extend(cursors(&mut lines, 10).await);
    assert_eq!(seen, published);
    assert!(within(child.wait()).await.expect("it ends").success());
    gateway.stop().await;
}

#[tokio::test]
async fn it_gives_up_where_it_is_refused() {
    let guarded = Guarded::start().await;
    let (child, _) = node(guarded.gateway.address(), &["load"]);
    let output = within(child.wait_with_output()).await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("refused: 401"), "{said}");
    guarded.gateway.stop().await;
}
