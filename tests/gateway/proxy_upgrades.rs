//! Connections that leave HTTP: WebSockets and whatever else a route lets through, and nothing where no route does.

use axum::extract::ws::{Message as ServiceMessage, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request};
use axum::response::IntoResponse;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::proxy::{free, over};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::origin::{Origin, field};
use crate::support::raw::Raw;
use crate::support::{until, within};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Says whatever it is told, and tells when a connection is over.
async fn echo(over: mpsc::UnboundedSender<&'static str>) -> Origin {
    Origin::start(move |request: Request| {
        let over = over.clone();
        async move {
            let (mut head, _) = request.into_parts();
            let upgrade = match WebSocketUpgrade::from_request_parts(&mut head, &()).await {
                Ok(upgrade) => upgrade.protocols(["echo.v1"]),
                Err(refused) => return refused.into_response(),
            };
            upgrade.on_upgrade(async move |mut socket| {
                let mut end = "vanished";
                while let Some(Ok(message)) = socket.recv().await {
                    match message {
                        ServiceMessage::Text(_) | ServiceMessage::Binary(_) => {
                            let _ = socket.send(message).await;
                        }
                        ServiceMessage::Close(frame) => {
                            end = if frame.is_some_and(|frame| frame.code == 1001) {
                                "going"
                            } else {
                                "closed"
                            };
                        }
                        _ => {}
                    }
                }
                let _ = over.send(end);
            })
        }
    })
    .await
}

/// A route to RegTech with this in `upgrade`.
fn route(prefix: &str, upgrade: &str) -> String {
    format!(r#"[{{prefix = "{prefix}", service = "regtech", upgrade = {{{upgrade}}}}}]"#)
}

async fn open(
    gateway: &Gateway,
    path: &str,
    fields: &[(&'static str, &str)],
) -> Result<(Socket, HeaderMap), Error> {
    let mut request = format!("ws://{}{path}", gateway.address()).into_client_request().expect("a URL");
    for (name, value) in fields {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).expect("visible ASCII"));
    }
    let (socket, answer) = within(connect_async(request)).await?;
    Ok((socket, answer.into_parts().0.headers))
}

fn refusal(result: Result<(Socket, HeaderMap), Error>) -> (u16, String) {
    match result {
        Err(Error::Http(response)) => {
            let text = response.body().as_deref().map(String::from_utf8_lossy);
            (response.status().as_u16(), text.unwrap_or_default().into_owned())
        }
        Err(error) => panic!("no answer to the handshake: {error}"),
        Ok(_) => panic!("it was let through"),
    }
}

async fn next(socket: &mut Socket) -> Message {
    within(socket.next()).await.expect("the socket is open").expect("a message")
}

async fn say(socket: &mut Socket, message: Message) {
    within(socket.send(message)).await.expect("the message leaves");
}

/// Waits for a figure of a route.
async fn figure(gateway: &Gateway, line: &str) {
    until(line, async || gateway.client.get("/metrics").await.text().contains(line).then_some(())).await;
}

#[tokio::test]
async fn a_websocket_goes_through_where_the_route_says_so() {
    let (tell, mut over_there) = mpsc::unbounded_channel();
    let origin = echo(tell).await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/ws", ""))]).await;
    let fields =
        [("sec-websocket-protocol", "other, echo.v1"), ("authorization", "Bearer secret"), ("x-own", "1")];
    let (mut socket, answer) = open(&gateway, "/ws/a?b=c", &fields).await.expect("it is let through");
    assert_eq!(answer["sec-websocket-protocol"], "echo.v1");
    assert_eq!(answer["via"], "1.1 integridai-gateway");
    assert!(answer.contains_key("x-correlation-id"), "{answer:?}");
    let seen = origin.last();
    assert_eq!((seen.uri.to_string(), field(&seen, "x-own")), ("/a?b=c".to_owned(), "1".to_owned()));
    let asked = ["connection", "upgrade", "authorization", "via"].map(|name| field(&seen, name));
    assert_eq!(asked, ["upgrade", "websocket", "", "1.1 integridai-gateway"]);
    figure(&gateway, "integridai_proxy_tunnels_open{route=\"/ws/{*path}\"} 1").await;
    for text in ["first", "second"] {
        say(&mut socket, text.into()).await;
        assert_eq!(next(&mut socket).await, text.into());
    }
    let large = Message::binary(vec![7; 4 * 1024 * 1024]);
    say(&mut socket, large.clone()).await;
    assert_eq!(next(&mut socket).await, large);
    say(&mut socket, Message::Ping("here?".into())).await;
    assert_eq!(next(&mut socket).await, Message::Pong("here?".into()));
    within(socket.close(None)).await.expect("it says so");
    while within(socket.next()).await.is_some_and(|message| message.is_ok()) {}
    assert_eq!(within(over_there.recv()).await, Some("closed"));
    figure(&gateway, "integridai_proxy_tunnels_open{route=\"/ws/{*path}\"} 0").await;
    figure(&gateway, "integridai_proxy_tunnels_total{route=\"/ws/{*path}\",ended=\"closed\"} 1").await;
    gateway.stop().await;
}

#[tokio::test]
async fn nothing_goes_through_that_the_route_does_not_name() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/named", "protocols = [\"own/1\"]"))]).await;
    for (path, upgrade, status) in [
        ("/api/v1/regtech/a", "own/1", "501"),
        ("/named/a", "websocket", "501"),
        ("/named/a", "own/2, h2c", "501"),
        ("/named/a", "h2c", "200"),
        ("/named/a", "Own/1, h2c, other", "200"),
    ] {
        let mut raw = Raw::connect(gateway.address()).await;
        let fields = format!("connection: upgrade\r\nupgrade: {upgrade}\r\n");
        raw.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n")).await;
        let head = raw.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {upgrade}: {head}");
    }
    let upgrades = origin.heads().into_iter().map(|head| field(&head, "upgrade"));
    assert_eq!(
        upgrades.collect::<Vec<_>>(),
        ["", "own/1"],
        "what the service does not want is an answer like others"
    );
    // Whoever asks without the means, or with content before it, is told so.
    for (request, status) in [
        ("GET /named/a HTTP/1.0\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: own/1\r\n\r\n", "501"),
        (
            "POST /named/a HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: own/1\r\ncontent-length: 1\r\n\r\na",
            "400",
        ),
    ] {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.send(request).await;
        let head = raw.head().await;
        assert!(head.contains(&format!(" {status} ")), "{head}");
    }
    gateway.stop().await;
}

/// Answers the first request so, and hands the connection over.
async fn service(answer: &'static [u8]) -> (String, mpsc::UnboundedReceiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (hand_over, handed) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let hand_over = hand_over.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.expect("a request"));
                }
                // The gateway asks for figures by itself.
                if String::from_utf8_lossy(&head).contains("upgrade: own/1") {
                    stream.write_all(answer).await.expect("the answer leaves");
                    let _ = hand_over.send(stream);
                }
            });
        }
    });
    (url, handed)
}

const OWN: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade, x-hop\r\nupgrade: Own/1\r\nx-hop: 1\r\nx-end: 1\r\n\r\nwelcome";

async fn ask_for_own(gateway: &Gateway, path: &str, more: &str) -> Raw {
    let mut raw = Raw::connect(gateway.address()).await;
    let fields = "connection: upgrade\r\nupgrade: own/1\r\n";
    raw.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n{more}")).await;
    raw
}

async fn exactly(stream: &mut TcpStream, expected: &str) {
    let mut read = vec![0; expected.len()];
    within(stream.read_exact(&mut read)).await.expect("it goes on");
    assert_eq!(read, expected.as_bytes());
}

#[tokio::test]
async fn bytes_pass_both_ways_behind_the_answer_and_each_end_may_stop_first() {
    let (url, mut services) = service(OWN).await;
    let route = route("/own", "protocols = [\"own/1\"]");
    let gateway = Gateway::with(&[(crate::proxy::REGTECH, &url), ("PROXY__ROUTES", &route)]).await;
    let mut raw = ask_for_own(&gateway, "/own/a", "early").await;
    let mut stream = within(services.recv()).await.expect("it was asked");
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("upgrade: Own/1\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
    assert!(head.contains("x-end: 1\r\n") && !head.contains("x-hop: 1"), "{head}");
    exactly(&mut stream, "early").await;
    raw.send_bytes(&[0, 255, 13, 10]).await;
    let mut bytes = [0; 4];
    within(stream.read_exact(&mut bytes)).await.expect("it goes on");
    assert_eq!(bytes, [0, 255, 13, 10]);
    // The client has said all, and hears on.
    raw.stop().await;
    assert_eq!(within(stream.read(&mut bytes)).await.expect("an end"), 0);
    within(stream.write_all(b"and on")).await.expect("it leaves");
    drop(stream);
    assert_eq!(raw.rest().await, b"welcomeand on");
    figure(&gateway, "integridai_proxy_tunnels_total{route=\"/own/{*path}\",ended=\"closed\"} 1").await;
    let bytes = "integridai_proxy_tunnel_bytes_total{route=\"/own/{*path}\",direction=";
    figure(&gateway, &format!("{bytes}\"request\"}} 9")).await;
    figure(&gateway, &format!("{bytes}\"response\"}} 13")).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_refuses_is_heard_and_one_that_changes_to_something_else_is_not() {
    let (tell, mut over_there) = mpsc::unbounded_channel();
    let origin = echo(tell).await;
    let limits = "max_connections = 1";
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/strict", limits))]).await;
    for _ in 0..3 {
        // No key: axum refuses the handshake, and the place is free again.
        let mut raw = Raw::connect(gateway.address()).await;
        let fields = "connection: upgrade\r\nupgrade: websocket\r\n";
        raw.send(&format!("GET /strict/a HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n")).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 400 ") && head.contains("via: "), "{head}");
    }
    let (mut socket, _) = open(&gateway, "/strict/a", &[]).await.expect("there is room");
    within(socket.close(None)).await.expect("it says so");
    assert_eq!(within(over_there.recv()).await, Some("closed"));
    gateway.stop().await;
    for other in [
        &b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n"[..],
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let (url, _services) = service(other).await;
        let route = route("/own", "protocols = [\"own/1\"]");
        let gateway = Gateway::with(&[(crate::proxy::REGTECH, &url), ("PROXY__ROUTES", &route)]).await;
        let head = ask_for_own(&gateway, "/own/a", "").await.head().await;
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn no_more_connections_than_the_route_and_the_caller_may_have() {
    let (tell, mut over_there) = mpsc::unbounded_channel();
    let origin = echo(tell).await;
    let routes = r#"[{prefix = "/few", service = "regtech", upgrade = {max_connections = 2, max_connections_per_principal = 1}}]"#;
    let guarded = Guarded::with(&[(crate::proxy::REGTECH, &origin.url), ("PROXY__ROUTES", routes)]).await;
    let gateway = &guarded.gateway;
    assert_eq!(refusal(open(gateway, "/few/a", &[]).await).0, 401);
    let bearer = format!("Bearer {}", token("proxy:regtech"));
    let of_one = [("authorization", &*bearer)];
    let (mut socket, _) = open(gateway, "/few/a", &of_one).await.expect("there is room");
    let (status, problem) = refusal(open(gateway, "/few/a", &of_one).await);
    assert!(status == 429 && problem.contains("one caller"), "{status} {problem}");
    within(socket.close(None)).await.expect("it says so");
    assert_eq!(within(over_there.recv()).await, Some("closed"));
    until("its place", async || open(gateway, "/few/a", &of_one).await.ok()).await;
    guarded.gateway.stop().await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/one", "max_connections = 1"))]).await;
    let _socket = open(&gateway, "/one/a", &[]).await.expect("there is room");
    let (status, problem) = refusal(open(&gateway, "/one/a", &[]).await);
    assert!(status == 503 && problem.contains("as the route lets through"), "{status} {problem}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_websocket() {
    let (tell, _over_there) = mpsc::unbounded_channel();
    let origin = echo(tell).await;
    let allowed = ("CORS__ALLOWED_ORIGINS", r#"["https://console.example.org"]"#);
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/pages", "")), allowed]).await;
    let own = format!("http://{}", gateway.address());
    for (page, is_let_through) in [
        ("https://evil.example.org", false),
        ("null", false),
        ("https://console.example.org", true),
        (&own, true),
    ] {
        let opened = open(&gateway, "/pages/a", &[("origin", page)]).await;
        match is_let_through {
            true => drop(opened.expect("it is let through")),
            false => assert_eq!(refusal(opened).0, 403, "{page}"),
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_end_that_vanishes_takes_the_other_along() {
    let (tell, mut over_there) = mpsc::unbounded_channel();
    let origin = echo(tell).await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/gone", ""))]).await;
    for _ in 0..3 {
        let (mut socket, _) = open(&gateway, "/gone/a", &[]).await.expect("it is let through");
        say(&mut socket, "here".into()).await;
        assert_eq!(next(&mut socket).await, "here".into());
        drop(socket);
        assert_eq!(within(over_there.recv()).await, Some("vanished"));
    }
    figure(&gateway, "integridai_proxy_tunnels_open{route=\"/gone/{*path}\"} 0").await;
    gateway.stop().await;
    let (url, mut services) = service(OWN).await;
    let route = route("/lost", "protocols = [\"own/1\"]");
    let gateway = Gateway::with(&[(crate::proxy::REGTECH, &url), ("PROXY__ROUTES", &route)]).await;
    let mut raw = ask_for_own(&gateway, "/lost/a", "").await;
    raw.head().await;
    drop(within(services.recv()).await.expect("it was asked"));
    assert_eq!(raw.rest().await, b"welcome");
    drop(raw);
    figure(&gateway, "integridai_proxy_tunnels_open{route=\"/lost/{*path}\"} 0").await;
    gateway.stop().await;
}

#[tokio::test]
async fn silence_ends_a_websocket_and_both_ends_are_told() {
    let (tell, mut over_there) = mpsc::unbounded_channel();
    let origin = echo(tell).await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/quiet", "idle_timeout_seconds = 0.2"))]).await;
    let (mut socket, _) = open(&gateway, "/quiet/a", &[]).await.expect("it is let through");
    let Message::Close(Some(frame)) = next(&mut socket).await else { panic!("no goodbye") };
    assert_eq!(u16::from(frame.code), 1001);
    assert_eq!(within(over_there.recv()).await, Some("going"));
    figure(&gateway, "integridai_proxy_tunnels_total{route=\"/quiet/{*path}\",ended=\"idle\"} 1").await;
    assert_eq!(
        free(&gateway).get("/api/v1/regtech/a").await.status,
        400,
        "the service refuses what is no handshake"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn both_ends_are_told_goodbye_when_the_gateway_goes_down() {
    let (tell, mut over_there) = mpsc::unbounded_channel();
    let origin = echo(tell).await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/drained", ""))]).await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        let (mut socket, _) = open(&gateway, "/drained/a", &[]).await.expect("it is let through");
        say(&mut socket, "here".into()).await;
        assert_eq!(next(&mut socket).await, "here".into());
        sockets.push(socket);
    }
    let ended = gateway.begin_stop();
    for socket in &mut sockets {
        let Message::Close(Some(frame)) = next(socket).await else { panic!("no goodbye") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1001, "the gateway goes down"));
        while within(socket.next()).await.is_some_and(|message| message.is_ok()) {}
        assert_eq!(within(over_there.recv()).await, Some("going"));
    }
    assert_eq!(within(ended).await.expect("no panic").aborted, 0);
}
