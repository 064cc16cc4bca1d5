//! Reloads while requests come without a pause and connections are open that have left HTTP: nothing fails, none is dropped.
//!
//! The short form is part of every run of the tests; the full one has 200 reloads within a minute.
//!
//! ```sh
//! RELOADS_FORM=full cargo test -p integridai-gateway --all-features --test process reloads::load -- --nocapture
//! ```
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::scene::{Reloadable, Scene};
use crate::support::{analysis, client, until, within};

const SENDERS: usize = 6;
/// Between two reloads at least so many are answered.
const REQUESTS: usize = 12;
const FULL: (usize, Duration) = (200, Duration::from_secs(60));
const SHORT: usize = 20;

/// What became of the requests.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicUsize,
    failed: AtomicUsize,
    is_over: AtomicBool,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Says whatever it is told.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let say = async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    };
    let answer = async move |upgrade: WebSocketUpgrade| upgrade.on_upgrade(say);
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await });
    url
}

/// The configuration of one round: limits, sizes, timeouts and routes are others each time.
fn text(round: usize, echo: &str) -> String {
    format!(
        "[server]\nmax_body_bytes = {}\n[services.regtech]\ntimeout_seconds = {}\n\
         [rate_limits.policies.execute]\nby = \"address\"\n\
         quotas = [{{limit = {}, period_seconds = 1}}]\n\
         [[proxy.routes]]\nservice = \"regtech\"\nprefix = \"/round-{round}\"\n\
         [[proxy.routes]]\nservice = \"echo\"\nprefix = \"/echo\"\nbase_url = \"{echo}\"\nscope = \"admin\"\n\
         upgrade = {{}}\n",
        1_000_000 + round,
        30 + round % 7,
        1_000_000 + round,
    )
}

fn send(reloadable: &Reloadable, tally: &Arc<Tally>, senders: &mut JoinSet<()>) {
    for sender in 0..SENDERS {
        let (client, tally) = (client(), Arc::clone(tally));
        let urls = ["/api/v1/regtech/compliance_dashboard", "/api/v1/metrics/consolidated", "/readyz"];
        let url = reloadable.gateway.url(urls[sender % urls.len()]);
        let execute = reloadable.gateway.url("/api/v1/gateway/execute");
        senders.spawn(async move {
            while !tally.is_over.load(Ordering::Relaxed) {
                let request = match sender {
                    0 => client.post(&execute).json(&analysis(sender)),
                    _ => client.get(&url),
                };
                let answer = async { request.send().await?.error_for_status()?.bytes().await };
                match answer.await {
                    Ok(_) => drop(tally.answered.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => {
                        println!("{error:?}");
                        tally.failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
    }
}

async fn open(reloadable: &Reloadable, path: &str) -> Socket {
    let url = format!("ws://{}{path}", reloadable.gateway.address);
    within("the handshake", connect_async(url)).await.expect("a WebSocket").0
}

/// Whether the other end is still there: it has to answer.
async fn is_open(socket: &mut Socket, round: usize) -> bool {
    let question = round.to_string().into_bytes();
    if socket.send(Message::Ping(question.clone().into())).await.is_err() {
        return false;
    }
    let answer = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Pong(answer))) if answer == question => return true,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
                Some(Ok(_)) => {}
            }
        }
    };
    within("the answer over a WebSocket", answer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_and_no_socket_is_dropped_however_often_it_is_reloaded() {
    let is_full = std::env::var_os("RELOADS_FORM").is_some_and(|form| form == "full");
    let (rounds, length) = if is_full { FULL } else { (SHORT, Duration::ZERO) };
    let echo = echo().await;
    let scene = Scene::set(&text(0, &echo)).and(&[("RATE_LIMITS__DISABLED", "false")]);
    let reloadable = scene.run().await;
    let mut sockets = Vec::new();
    for path in ["/api/v1/realtime/subscribe", "/api/v1/realtime/subscribe", "/echo/a", "/echo/b"] {
        sockets.push(open(&reloadable, path).await);
    }
    let (tally, mut senders) = (Arc::new(Tally::default()), JoinSet::new());
    send(&reloadable, &tally, &mut senders);
    let begin = Instant::now();
    for round in 1..=rounds {
        let enough = tally.answered.load(Ordering::Relaxed) + REQUESTS;
        until("more answers", async || tally.answered.load(Ordering::Relaxed) >= enough).await;
        tokio::time::sleep_until(
            begin + length * u32::try_from(round).unwrap() / u32::try_from(rounds).unwrap(),
        )
        .await;
        match round % 2 {
            0 => drop(reloadable.reloaded(&text(round, &echo)).await),
            _ => reloadable.hang_up(&text(round, &echo)).await,
        }
        let routes = [round, round - 1].map(|round| format!("/round-{round}/compliance_dashboard"));
        let statuses = [reloadable.status(&routes[0]).await, reloadable.status(&routes[1]).await];
        assert_eq!(statuses, [200, 404], "round {round}");
        for socket in &mut sockets {
            assert!(is_open(socket, round).await, "a socket was dropped in round {round}");
        }
    }
    tally.is_over.store(true, Ordering::Relaxed);
    within("the end of the senders", senders.join_all()).await;
    println!("{rounds} reloads in {:?}: {tally:?}, {} WebSockets open", begin.elapsed(), sockets.len());
    assert_eq!(tally.failed.load(Ordering::Relaxed), 0);
    assert_eq!(reloadable.in_force().await["reloads"], rounds);
    drop(sockets);
    assert_eq!(within("the end", reloadable.gateway.stop()).await.code, Some(0));
}
