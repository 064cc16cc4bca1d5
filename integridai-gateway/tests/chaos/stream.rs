//! A connection that brings events, in one of the two ways.
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const TOPICS: &str = "analysis_complete,training_progress";
const HANDSHAKE: Duration = Duration::from_secs(3);

pub(crate) enum Stream {
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    ServerSent { answer: Response, text: String },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    WebSocket,
    ServerSentEvents,
}

impl Stream {
    /// What comes after the cursor; `None`: not now.
    pub(crate) async fn open(way: Way, address: SocketAddr, cursor: u64) -> Option<Self> {
        let query = format!("topics={TOPICS}&overflow=disconnect");
        match way {
            Way::WebSocket => {
                let url = format!("ws://{address}/api/v1/realtime/subscribe?{query}&cursor={cursor}");
                let (socket, _) = timeout(HANDSHAKE, connect_async(url)).await.ok()?.ok()?;
                Some(Self::Socket(Box::new(socket)))
            }
            Way::ServerSentEvents => {
                let client = Client::builder().no_proxy().build().expect("no TLS is needed");
                let url = format!("http://{address}/api/v1/realtime/events?{query}");
                let request = client.get(url).header("last-event-id", cursor);
                let answer = timeout(HANDSHAKE, request.send()).await.ok()?.ok()?;
                (answer.status() == 200).then_some(Self::ServerSent { answer, text: String::new() })
            }
        }
    }

    /// The next event; `None`: there are no more of this connection. Cancelling the wait loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let text = match self {
            Self::Socket(socket) => text_of(socket).await?,
            Self::ServerSent { answer, text } => data_of(answer, text).await?,
        };
        Some(serde_json::from_str(&text).expect("JSON"))
    }

    /// A goodbye where there is one.
    pub(crate) async fn leave(self) {
        if let Self::Socket(mut socket) = self {
            let _ = timeout(HANDSHAKE, socket.close(None)).await;
        }
    }
}

async fn text_of(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Option<String> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return Some(text.as_str().to_owned()),
            Message::Ping(_) => {}
            _ => return None,
        }
    }
}

/// Of each block that is whole, its data (WHATWG HTML §9.2.6).
async fn data_of(answer: &mut Response, text: &mut String) -> Option<String> {
    loop {
        while let Some(end) = text.find("\n\n") {
            let block: String = text.drain(..end + 2).collect();
            if let Some(data) = block.lines().find_map(|line| line.strip_prefix("data:")) {
                return Some(data.trim_start().to_owned());
            }
        }
        let chunk = answer.chunk().await.ok()??;
        text.push_str(std::str::from_utf8(&chunk).expect("events are not cut within a character"));
    }
}
