//! How a WebSocket is opened and ended where credentials are asked for.

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, Method};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::client::{CONSOLIDATED, EXECUTIONS, SUBSCRIBE};
use crate::support::credentials::{Guarded, claims, now, signed, token};
use crate::support::within;

const TICKET: &str = "/api/v1/realtime/ticket";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The socket, or the status with which it was refused.
async fn open(guarded: &Guarded, query: &str, token: Option<&str>) -> Result<Socket, u16> {
    let url = format!("ws://{}{SUBSCRIBE}{query}", guarded.gateway.address());
    let mut request = url.into_client_request().expect("a URL");
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("visible ASCII");
        request.headers_mut().insert("authorization", value);
    }
    match within(connect_async(request)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("no answer to the handshake: {error}"),
    }
}

async fn ticket(guarded: &Guarded, token: &str) -> String {
    let client = &guarded.gateway.client;
    let answer = client.send(client.request(Method::POST, TICKET).bearer_auth(token)).await;
    let ticket = answer.ok();
    assert_eq!(ticket["expires_in"], 30);
    assert_eq!(answer.header("cache-control"), "no-store");
    ticket["ticket"].as_str().expect("a text").to_owned()
}

/// The close code, once there is one.
async fn end(mut socket: Socket) -> Option<u16> {
    while let Some(Ok(message)) = within(socket.next()).await {
        if let Message::Close(frame) = message {
            return frame.map(|frame| frame.code.into());
        }
    }
    None
}

#[tokio::test]
async fn a_websocket_needs_credentials_and_the_scope() {
    let guarded = Guarded::start().await;
    assert_eq!(open(&guarded, "", None).await.err(), Some(401));
    assert_eq!(open(&guarded, "", Some("x")).await.err(), Some(401));
    assert_eq!(open(&guarded, "", Some(&token("metrics:read"))).await.err(), Some(403));
    let mut socket = open(&guarded, "", Some(&token("events:read"))).await.expect("it is enough");
    within(socket.close(None)).await.expect("the goodbye leaves");
    // A token does not belong into a URL, whatever it is called there.
    for name in ["token", "access_token", "ticket"] {
        let query = format!("?{name}={}", token("events:read"));
        assert_eq!(open(&guarded, &query, None).await.err(), Some(401), "{name}");
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_ticket_opens_one_websocket_and_nothing_else() {
    let guarded = Guarded::start().await;
    let ticket = ticket(&guarded, &token("events:read")).await;
    let client = &guarded.gateway.client;
    let elsewhere = client.get(&format!("{TICKET}?ticket={ticket}")).await;
    assert_eq!(elsewhere.status, 401, "it counts at the WebSocket alone");
    let query = format!("?ticket={ticket}");
    assert_eq!(open(&guarded, &format!("{query}&ticket={ticket}"), None).await.err(), Some(401));
    let mut socket = open(&guarded, &query, None).await.expect("it is good once");
    assert_eq!(open(&guarded, &query, None).await.err(), Some(401), "and only once");
    within(socket.close(None)).await.expect("the goodbye leaves");
    let request = client.request(Method::POST, TICKET).bearer_auth(token("metrics:read"));
    client.send(request).await.problem(403);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_websocket_ends_when_its_token_does() {
    let guarded = Guarded::start().await;
    let mut claims = claims("events:read");
    claims["exp"] = json!(now().as_secs() + 2);
    let short = signed(&claims);
    let by_header = open(&guarded, "", Some(&short)).await.expect("it is good for a moment");
    let query = format!("?ticket={}", ticket(&guarded, &short).await);
    let by_ticket = open(&guarded, &query, None).await.expect("so is the ticket");
    assert_eq!(end(by_header).await, Some(4401));
    assert_eq!(end(by_ticket).await, Some(4401), "a ticket lasts no longer than the token behind it");
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn of_many_that_come_with_one_ticket_at_once_one_is_let_in() {
    let guarded = Guarded::start().await;
    let query = format!("?ticket={}", ticket(&guarded, &token("events:read")).await);
    let attempts = (0..20).map(|_| open(&guarded, &query, None));
    let opened: Vec<_> = futures_util::future::join_all(attempts).await;
    assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 1);
    assert!(opened.iter().all(|opened| opened.as_ref().err().is_none_or(|status| *status == 401)));
    drop(opened);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_ticket_counts_to_the_letter_once_and_at_its_own_path() {
    let guarded = Guarded::start().await;
    let ticket = ticket(&guarded, &token("admin")).await;
    let escaped: String = ticket.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let (start, end) = ticket.split_at(32);
    for query in [
        format!("ticket={ticket}&ticket={ticket}"),
        format!("ticket={ticket}&ticket="),
        format!("ticket=&ticket={ticket}"),
        format!("ticket={escaped}"),
        format!("%74icket={ticket}"),
        format!("Ticket={ticket}"),
        format!("ticket[]={ticket}"),
        format!("a=1;ticket={ticket}"),
        format!("ticket={ticket}%00"),
        format!("ticket={ticket}0"),
        format!("ticket={}", &ticket[1..]),
        format!("ticket={start}-{end}"),
        format!("ticket={}", "0".repeat(64)),
        "ticket=".to_owned(),
        "ticket".to_owned(),
    ] {
        assert_eq!(open(&guarded, &format!("?{query}"), None).await.err(), Some(401), "{query}");
    }
    let client = &guarded.gateway.client;
    for path in [CONSOLIDATED, EXECUTIONS, "/metrics", "/api/v1/secret", "/api/v1/realtime/subscribe/"] {
        assert_eq!(client.get(&format!("{path}?ticket={ticket}")).await.status, 401, "{path}");
    }
    // A wrong ticket is not made good by a token beside it.
    let wrong = format!("?ticket={}", "0".repeat(64));
    assert_eq!(open(&guarded, &wrong, Some(&token("events:read"))).await.err(), Some(401));
    let query = format!("?a=1&ticket={ticket}&b=2");
    let mut socket = open(&guarded, &query, None).await.expect("nobody has used it up");
    within(socket.close(None)).await.expect("the goodbye leaves");
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_ticket_is_used_up_by_a_subscription_that_does_not_come_about() {
    let guarded = Guarded::start().await;
    let query = format!("?ticket={}", ticket(&guarded, &token("events:read")).await);
    let answer = guarded.gateway.client.get(&format!("{SUBSCRIBE}{query}")).await;
    assert_eq!(answer.status, 426, "it is no handshake");
    assert_eq!(open(&guarded, &query, None).await.err(), Some(401));
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_ticket_ends_unused() {
    let guarded = Guarded::with(&[("AUTH__TICKET_SECONDS", "0.000001")]).await;
    let request = guarded.gateway.client.request(Method::POST, TICKET).bearer_auth(token("events:read"));
    let answer = guarded.gateway.client.send(request).await.ok();
    assert_eq!(answer["expires_in"], 0);
    let query = format!("?ticket={}", answer["ticket"].as_str().expect("a text"));
    assert_eq!(open(&guarded, &query, None).await.err(), Some(401));
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn one_has_as_many_tickets_as_connections_and_takes_nobodys_room() {
    let guarded = Guarded::with(&[("REALTIME__MAX_CONNECTIONS_PER_PRINCIPAL", "1")]).await;
    let client = &guarded.gateway.client;
    let ask = async |subject: &str| {
        let mut claims = claims("events:read");
        claims["sub"] = json!(subject);
        client.send(client.request(Method::POST, TICKET).bearer_auth(signed(&claims))).await
    };
    assert_eq!(ask("ann").await.status, 200);
    let refused = ask("ann").await;
    assert_eq!(refused.problem(429)["detail"], "as many tickets of yours are open as may be");
    assert_eq!(refused.header("retry-after"), "30");
    assert_eq!(ask("bob").await.status, 200);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn while_tickets_cannot_be_kept_none_is_given_and_none_is_good() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    let query = format!("?ticket={}", ticket(&guarded, &token("events:read")).await);
    let held = guarded.gateway.hold_database();
    let refused = client.send(client.request(Method::POST, TICKET).bearer_auth(token("events:read"))).await;
    assert_eq!(refused.problem(503)["detail"], "tickets cannot be kept at the moment");
    assert_eq!(open(&guarded, &query, None).await.err(), Some(503), "nobody knows whose it is");
    drop(held);
    let mut socket = open(&guarded, &query, None).await.expect("it was not used up");
    within(socket.close(None)).await.expect("the goodbye leaves");
    guarded.gateway.stop().await;
}

/// The status of a handshake over HTTP/2 (RFC 8441).
async fn over_http2(guarded: &Guarded, query: &str, token: Option<&str>) -> u16 {
    let stream = TcpStream::connect(guarded.gateway.address()).await.expect("it listens");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = within(handshake).await.expect("HTTP/2");
    tokio::spawn(connection);
    let url = |path: &str| format!("http://{}{path}", guarded.gateway.address());
    let get = http::Request::get(url("/livez")).body(Empty::<Bytes>::new()).expect("a request");
    // Whether extended CONNECT may be used is known once the server's settings are there (RFC 8441 §3).
    assert_eq!(within(sender.send_request(get)).await.expect("an answer").status(), 200);
    let connect = http::Request::connect(url(&format!("{SUBSCRIBE}{query}")))
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    let connect = token
        .iter()
        .fold(connect, |connect, token| connect.header("authorization", format!("Bearer {token}")));
    let answer = within(sender.send_request(connect.body(Empty::new()).expect("a request"))).await;
    answer.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn over_http_2_a_websocket_needs_the_same() {
    let guarded = Guarded::start().await;
    assert_eq!(over_http2(&guarded, "", None).await, 401);
    assert_eq!(over_http2(&guarded, "", Some("x")).await, 401);
    assert_eq!(over_http2(&guarded, "", Some(&token("metrics:read"))).await, 403);
    assert_eq!(over_http2(&guarded, "", Some(&token("events:read"))).await, 200);
    let query = format!("?ticket={}", ticket(&guarded, &token("events:read")).await);
    assert_eq!(over_http2(&guarded, &query, None).await, 200);
    assert_eq!(over_http2(&guarded, &query, None).await, 401, "it is used up");
    guarded.gateway.stop().await;
}
