//! A WebSocket client.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::client::{CONSOLIDATED, Client, SUBSCRIBE};
use super::document::check_event;
use super::within;

/// Those that the document tells the data of.
const GATEWAY_TYPES: [&str; 4] = ["metrics_update", "analysis_complete", "training_progress", "system_alert"];

pub(crate) struct Subscriber {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Subscriber {
    /// Subscribes, and takes the `metrics_update` that comes first.
    pub(crate) async fn start(client: &Client) -> Self {
        // A round that is under way would tell the same once more.
        client.get(CONSOLIDATED).await.ok();
        let mut subscriber = Self::connect(client.address).await.expect("a place for a subscriber");
        assert_eq!(subscriber.next().await["type"], "metrics_update");
        subscriber
    }

    /// Subscribes, or has the status with which that was refused.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, u16> {
        Self::open(address, "", None).await
    }

    /// Subscribes with a query, and a token if there is one.
    pub(crate) async fn open(address: SocketAddr, query: &str, token: Option<&str>) -> Result<Self, u16> {
        let url = format!("ws://{address}{SUBSCRIBE}{query}");
        let mut request = url.into_client_request().expect("a URL");
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("visible ASCII");
            request.headers_mut().insert("authorization", value);
        }
        match within(connect_async(request)).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no answer to the handshake: {error}"),
        }
    }

    pub(crate) async fn say(&mut self, message: Message) {
        within(self.socket.send(message)).await.expect("the message leaves");
    }

    /// The next text.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match within(self.socket.next()).await.expect("the socket is open").expect("a message") {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not a text: {other:?}"),
            }
        }
    }

    /// The next event, whose shape is held against the document.
    pub(crate) async fn next(&mut self) -> Value {
        let text = self.text().await;
        let event: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
        let members: Vec<&String> = event.as_object().expect("an object").keys().collect();
        let known = ["correlation_id", "cursor", "data", "event_id", "id", "source", "timestamp", "type"];
        assert!(members.iter().all(|member| known.contains(&member.as_str())), "{event}");
        if !event["data"].is_null() && GATEWAY_TYPES.contains(&event["type"].as_str().expect("a type")) {
            check_event(&event);
        }
        event
    }

    /// The next event of this type; others may come before.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The next `system_alert` with this code.
    pub(crate) async fn alert(&mut self, code: &str) -> Value {
        loop {
            let event = self.event("system_alert").await;
            if event["data"]["code"] == code {
                return event;
            }
        }
    }

    /// Says goodbye and waits for the answer.
    pub(crate) async fn leave(&mut self) {
        within(self.socket.close(None)).await.expect("the goodbye leaves");
        self.closed().await;
    }

    /// Reads to the end; the close code, if there was a goodbye.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        let mut code = None;
        while let Some(Ok(message)) = within(self.socket.next()).await {
            if let Message::Close(frame) = message {
                code = frame.map(|frame| frame.code.into());
            }
        }
        code
    }
}
