//! What the gateway answers itself to calls of gRPC is a status of gRPC.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tonic::Code;

use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::grpc::{Text, client, path, route, service};
use crate::support::origin::field;
use crate::support::within;

/// One connection that speaks HTTP/2.
async fn connect(gateway: &Gateway) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(gateway.address()).await.expect("it listens");
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    sender
}

/// Calls with a message of this many bytes; the fields of the answer, and those behind it.
async fn call(
    sender: &mut SendRequest<Full<Bytes>>,
    uri: &str,
    fields: &[(&str, &str)],
    bytes: usize,
) -> (HeaderMap, HeaderMap) {
    let mut message = vec![0];
    message.extend(u32::try_from(bytes).expect("a small number").to_be_bytes());
    message.extend(std::iter::repeat_n(b'a', bytes));
    let request = Request::post(uri).header("content-type", "application/grpc").header("te", "trailers");
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Full::from(message)).expect("a request");
    let response = within(sender.send_request(request)).await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let (head, body) = response.into_parts();
    let trailers = within(body.collect()).await.expect("it ends").trailers().cloned();
    (head.headers, trailers.unwrap_or_default())
}

fn status(fields: &HeaderMap) -> (&str, &str) {
    let text = |name| fields.get(name).map_or("", |value| value.to_str().expect("visible ASCII"));
    (text("grpc-status"), text("grpc-message"))
}

#[tokio::test]
async fn a_refusal_is_a_status_without_anything_behind_it() {
    let (over, _) = mpsc::unbounded_channel();
    let origin = service(over).await;
    let routes = route(&origin, "texts.Guarded", "max_body_bytes = 100, timeout_seconds = 0.3");
    let settings = [
        ("PROXY__ROUTES", &*routes),
        ("RATE_LIMITS__DISABLED", "false"),
        (
            "RATE_LIMITS__POLICIES",
            r#"{few = {by = "principal", routes = ["/texts.Guarded/{*path}"], quotas = [{limit = 3, period_seconds = 3600}]}}"#,
        ),
    ];
    let guarded = Guarded::with(&settings).await;
    let mut sender = connect(&guarded.gateway).await;
    let base = format!("http://{}", guarded.gateway.address());
    let bearer = |scope: &str| format!("Bearer {}", token(scope));
    let (admin, other) = (bearer("admin"), bearer("metrics:read"));
    for (path, authorization, bytes, code, message) in [
        ("texts.Guarded/Unary", "", 1, "16", "credentials"),
        ("texts.Guarded/Unary", &*other, 1, "7", "do not suffice"),
        ("texts.Unknown/Unary", &admin, 1, "12", "nothing at this path"),
        ("texts.Guarded/Unary", &admin, 200, "8", "larger than is accepted"),
        ("texts.Guarded/Hang", &admin, 1, "4", "did not answer in time"),
        ("texts.Guarded/Unary", &admin, 1, "8", "too many"),
    ] {
        let fields = [("authorization", authorization)];
        let fields = if authorization.is_empty() { &[][..] } else { &fields };
        let (head, trailers) = call(&mut sender, &format!("{base}/{path}"), fields, bytes).await;
        let told = status(&head);
        assert_eq!(told.0, code, "{path} {told:?}");
        assert!(told.1.to_lowercase().contains(message), "{path} {told:?}");
        assert!(trailers.is_empty() && head.contains_key("x-correlation-id"), "{head:?} {trailers:?}");
        assert_eq!(head.contains_key("retry-after"), message == "too many", "{head:?}");
    }
    // Whoever does not speak gRPC is told as ever.
    guarded.gateway.client.get("/texts.Guarded/Unary").await.problem(401);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_unavailable() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = closed.local_addr().expect("it is bound");
    drop(closed);
    let route = format!(
        r#"[{{prefix = "/texts.Closed", service = "closed", base_url = "http://{address}", protocol = "http2", scope = "admin"}}]"#
    );
    let gateway = Gateway::with(&[("PROXY__ROUTES", &route)]).await;
    let mut grpc = client(&gateway).await;
    let request = tonic::Request::new(String::new());
    let error =
        within(grpc.unary(request, path("texts.Closed", "Unary"), Text)).await.expect_err("nobody is there");
    assert_eq!((error.code(), error.message()), (Code::Unavailable, "closed cannot be reached"));
    let metrics = gateway.client.get("/metrics").await;
    assert!(metrics.text().contains("integridai_grpc_refused_total{grpc_status=\"14\"} "), "{metrics:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_call_has_the_time_that_it_says_and_its_stream_no_more() {
    let (over, mut is_over) = mpsc::unbounded_channel();
    let origin = service(over).await;
    let gateway = Gateway::with(&[("PROXY__ROUTES", &route(&origin, "texts.Timed", ""))]).await;
    let mut sender = connect(&gateway).await;
    let base = format!("http://{}/texts.Timed", gateway.address());
    let (head, _) = call(&mut sender, &format!("{base}/Hang"), &[("grpc-timeout", "300m")], 1).await;
    assert_eq!(status(&head), ("4", "texts-timed did not answer in time"));
    let told = field(&origin.last(), "grpc-timeout");
    assert!(told.ends_with('n') || told.ends_with('u'), "what is left of it goes on: {told}");
    let (head, trailers) = call(&mut sender, &format!("{base}/Begin"), &[("grpc-timeout", "4S")], 1).await;
    assert_eq!(status(&head).0, "", "the service has begun to answer");
    assert_eq!(status(&trailers), ("4", "the call took longer than its deadline"));
    within(is_over.recv()).await.expect("the service was told");
    let metrics = gateway.client.get("/metrics").await;
    let line = "integridai_proxy_ended_total{route=\"/texts.Timed/{*path}\",reason=\"deadline\"} 1";
    assert!(metrics.text().contains(line), "{metrics:?}");
    gateway.stop().await;
}
