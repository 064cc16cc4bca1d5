//! What one caller may do over WebSockets.

use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::client::SUBSCRIBE;
use crate::support::credentials::{Guarded, claims, signed};
use crate::support::{until, within};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The socket, or the status and the `Retry-After` with which it was refused.
async fn open(guarded: &Guarded, subject: &str) -> Result<Socket, (u16, String)> {
    let mut claims = claims("events:read");
    claims["sub"] = subject.into();
    let url = format!("ws://{}{SUBSCRIBE}", guarded.gateway.address());
    let mut request = url.into_client_request().expect("a URL");
    let value = HeaderValue::from_str(&format!("Bearer {}", signed(&claims))).expect("visible ASCII");
    request.headers_mut().insert("authorization", value);
    match within(connect_async(request)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            let wait = response
                .headers()
                .get("retry-after")
                .map(|value| value.to_str().expect("visible").to_owned());
            Err((response.status().as_u16(), wait.unwrap_or_default()))
        }
        Err(error) => panic!("no answer to the handshake: {error}"),
    }
}

#[tokio::test]
async fn one_caller_has_so_many_connections_and_gets_them_back_however_they_end() {
    let guarded = Guarded::with(&[("REALTIME__MAX_CONNECTIONS_PER_PRINCIPAL", "2")]).await;
    let mut first = open(&guarded, "ann").await.expect("a place");
    let second = open(&guarded, "ann").await.expect("a place");
    assert_eq!(open(&guarded, "ann").await.err(), Some((429, "10".to_owned())));
    let _other = open(&guarded, "bob").await.expect("others have their own");
    within(first.close(None)).await.expect("the goodbye leaves");
    let _third = until("the place of one that said goodbye", async || open(&guarded, "ann").await.ok()).await;
    // Without a word.
    drop(second);
    until("the place of one that is gone", async || open(&guarded, "ann").await.ok()).await;
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_connection_that_says_too_much_is_closed_with_the_reason() {
    let guarded = Guarded::with(&[("REALTIME__MAX_MESSAGES_PER_MINUTE", "3")]).await;
    let mut socket = open(&guarded, "ann").await.expect("a place");
    for _ in 0..4 {
        within(socket.send(Message::text("ping"))).await.expect("the message leaves");
    }
    let (mut pongs, mut goodbye) = (0, None);
    while let Some(Ok(message)) = within(socket.next()).await {
        match message {
            Message::Text(text) if text.as_str() == "pong" => pongs += 1,
            Message::Close(frame) => goodbye = frame,
            _ => {}
        }
    }
    let goodbye = goodbye.expect("a goodbye");
    assert_eq!((pongs, u16::from(goodbye.code)), (3, 1008));
    assert_eq!(goodbye.reason.as_str(), "too many messages in a minute");
    // Others may speak.
    let mut other = open(&guarded, "bob").await.expect("a place");
    within(other.send(Message::text("ping"))).await.expect("the message leaves");
    loop {
        match within(other.next()).await.expect("it is open").expect("a message") {
            Message::Text(text) if text.as_str() == "pong" => break,
            Message::Close(frame) => panic!("closed: {frame:?}"),
            _ => {}
        }
    }
    guarded.gateway.stop().await;
}
