//! What a team would write: axum's WebSocket and tokio's broadcast channel, with one text for all.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use crate::process::{Served, answer_heaps};

/// Of each connection.
#[derive(Clone, Copy)]
pub(crate) enum Buffers {
    /// As they come: 128 KiB to read into.
    Default,
    /// As whoever has looked for the cause sets them.
    Small,
}

#[derive(Clone)]
struct Plain {
    sender: broadcast::Sender<Utf8Bytes>,
    buffers: Buffers,
}

pub(crate) async fn serve(buffers: Buffers) {
    let plain = Plain { sender: broadcast::channel(256).0, buffers };
    let routes =
        Router::new().route("/subscribe", get(subscribe)).route("/publish", post(publish)).with_state(plain);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has free ports");
    let address = listener.local_addr().expect("a bound listener has an address");
    answer_heaps();
    crate::announce(&Served { address, subscribe: "/subscribe".to_owned(), publish: "/publish".to_owned() });
    axum::serve(listener, routes).await.expect("it serves");
}

async fn subscribe(State(plain): State<Plain>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = match plain.buffers {
        Buffers::Default => upgrade,
        Buffers::Small => upgrade.read_buffer_size(4_096).write_buffer_size(0),
    };
    let receiver = plain.sender.subscribe();
    upgrade.on_upgrade(move |socket| follow(socket, receiver))
}

async fn follow(mut socket: WebSocket, mut receiver: broadcast::Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            text = receiver.recv() => {
                let Ok(text) = text else { return };
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => {
                if !matches!(message, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}

/// Made as long as the gateway's frame by the members that are in it.
async fn publish(State(plain): State<Plain>, body: String) {
    let rest = r#","id":"019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e","cursor":1,"timestamp":"2026-11-24T10:00:00.000000Z","correlation_id":"019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e"}"#;
    let text = format!("{}{rest}", body.trim_end_matches('}'));
    // There may be nobody yet.
    let _ = plain.sender.send(text.into());
}
