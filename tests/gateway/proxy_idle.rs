//! Who stops in the middle holds up nobody for longer than the route allows.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::proxy::over;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::raw::Raw;
use crate::support::{until, within};

/// Tells when it is dropped.
struct Over(mpsc::UnboundedSender<()>);

impl Drop for Over {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// `/begin` says one thing and then nothing, all else goes on for ever; what tells when an answer is over.
async fn service() -> (Origin, mpsc::UnboundedReceiver<()>) {
    let (tell, told) = mpsc::unbounded_channel();
    let origin = Origin::start(move |request: Request| {
        let over = Over(tell.clone());
        async move {
            let endless = request.uri().path() != "/begin";
            let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"begun"))]);
            let rest = stream::poll_fn(move |_| {
                let _ = &over;
                let more = endless.then(|| Ok(Bytes::from_static(&[b'a'; 16 * 1024])));
                more.map_or(std::task::Poll::Pending, |more| std::task::Poll::Ready(Some(more)))
            });
            Response::new(Body::from_stream(first.chain(rest)))
        }
    })
    .await;
    (origin, told)
}

fn route(prefix: &str) -> String {
    format!(r#"[{{prefix = "{prefix}", service = "regtech", idle_timeout_seconds = 0.3}}]"#)
}

async fn counted(gateway: &Gateway, prefix: &str) {
    let line = format!("integridai_proxy_ended_total{{route=\"{prefix}/{{*path}}\",reason=\"idle\"}} 1");
    until(&line, async || gateway.client.get("/metrics").await.text().contains(&line).then_some(())).await;
}

#[tokio::test]
async fn a_service_that_stops_in_the_middle_is_left() {
    let (origin, mut over_there) = service().await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/stops"))]).await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send("GET /stops/begin HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let rest = String::from_utf8(raw.rest().await).expect("text");
    assert!(rest.contains("begun") && !rest.ends_with("0\r\n\r\n"), "no end is made up: {rest}");
    within(over_there.recv()).await.expect("the service runs");
    counted(&gateway, "/stops").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_opens_no_window_keeps_no_service() {
    let (origin, mut over_there) = service().await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/window"))]).await;
    let stream = TcpStream::connect(gateway.address()).await.expect("it listens");
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1024);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    let uri = format!("http://{}/window/endless", gateway.address());
    let request = http::Request::get(uri).body(Empty::<Bytes>::new()).expect("a request");
    let unread = within(sender.send_request(request)).await.expect("an answer");
    within(over_there.recv()).await.expect("the service runs");
    counted(&gateway, "/window").await;
    drop(unread);
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_whose_content_stops_coming_is_told_so() {
    let origin = Origin::start(async |request: Request| {
        let read = axum::body::to_bytes(request.into_body(), 1024).await;
        Response::new(Body::from(read.map_or("broken", |_| "whole")))
    })
    .await;
    let gateway = over(&origin, &[("PROXY__ROUTES", &route("/content"))]).await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send("POST /content/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nbegun").await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    counted(&gateway, "/content").await;
    gateway.stop().await;
}
