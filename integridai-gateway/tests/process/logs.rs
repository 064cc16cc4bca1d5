//! What the logs say of a request, and what they never say.
use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use integridai_gateway::demo::Failure;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{
    Gateway, Recorder, Start, analysis, ask, client, figure, later, simulators, training, until, within,
};

const CORRELATION_ID: &str = "x-correlation-id";
const EXECUTE: &str = "/api/v1/gateway/execute";

fn parsed(log: &[String]) -> Vec<Value> {
    let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    log.iter().map(parse).collect()
}

fn has_field(line: &Value, id: &str) -> bool {
    line["correlation_id"] == id
}

fn traceparent(round: usize, number: usize) -> String {
    format!("00-{}-00f067aa0ba902b7-00", trace_id(&format!("request-{round}-{number}")))
}

/// Of a request with this correlation id.
fn trace_id(id: &str) -> String {
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    format!("a{digits:0>31}")
}

/// Ten kinds of requests, some of which make the gateway say more than that it answered.
fn requests(client: &reqwest::Client, gateway: &Gateway, round: usize) -> Vec<(RequestBuilder, u16)> {
    let post = |body: &Value| client.post(gateway.url(EXECUTE)).json(body);
    let unknown = json!({"workflow": "training_sync", "payload": {"session_id": "nobody-has-this"}});
    let failing = json!({"workflow": "training_sync", "payload": {"training_session": {"session_id": "x", "score": "y"}}});
    vec![
        (client.get(gateway.url("/api/v1/health")), 200),
        (client.get(gateway.url("/api/v1/metrics/consolidated")), 200),
        (client.get(gateway.url("/nothing/here")), 404),
        (client.get(gateway.url("/api/v1/gateway/executions/7")), 404),
        (client.delete(gateway.url("/api/v1/health")), 405),
        (client.post(gateway.url(EXECUTE)).body("{"), 415),
        (post(&json!({"workflow": "fly"})), 422),
        (post(&unknown), 422),
        (post(&failing), 502),
        (post(&later(training(round))), 202),
    ]
}

#[tokio::test]
async fn every_line_of_a_request_carries_its_correlation_id_and_its_trace_id() {
    let folder = tempfile::tempdir().unwrap();
    let (simulators, client) = (simulators(), client());
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators);
    let filter = "info,integridai_gateway=trace,integridai_tower=trace";
    let gateway = start.set("LOGS__FILTER", filter).run().await;
    let mut sent = BTreeSet::new();
    let mut failing = BTreeSet::new();
    let mut asynchronous = 0;
    for round in 0..5 {
        for (number, (request, expected)) in requests(&client, &gateway, round).into_iter().enumerate() {
            let id = format!("request-{round}-{number}");
            let traced = request.header("traceparent", traceparent(round, number));
            let answer = traced.header(CORRELATION_ID, &id).send().await.unwrap();
            assert_eq!(answer.status(), expected, "{id}: {}", answer.text().await.unwrap());
            assert_eq!(answer.headers()[CORRELATION_ID], id.as_str());
            failing.extend((expected == 502).then(|| id.clone()));
            asynchronous += u64::from(expected == 202);
            sent.insert(id);
        }
    }
    assert_eq!(sent.len(), 50);
    let dashboard = simulators.dashboard.control();
    within("updates", dashboard.wait_until(|report| report.applied == asynchronous)).await;
    let exit = gateway.stop().await;
    let lines = parsed(&exit.log);
    for id in &sent {
        let answered = lines.iter().filter(|line| line["message"] == "answered" && has_field(line, id));
        assert_eq!(answered.count(), 1, "{id}");
    }
    for id in &failing {
        let failed = lines.iter().filter(|line| line["message"] == "step failed" && has_field(line, id));
        assert_eq!(failed.count(), 1, "{id}");
    }
    for line in &lines {
        let target = line["target"].as_str().unwrap();
        let of_a_request = ["access", "api", "orchestration", "stack", "respond"]
            .iter()
            .any(|module| target.starts_with(&format!("integridai_gateway::{module}")));
        let id = line["correlation_id"].as_str();
        assert!(!of_a_request || id.is_some_and(|id| sent.contains(id)), "{line}");
        // What was accepted for later is done in no trace.
        let is_later = line["workflow_id"].is_string() && !failing.contains(id.unwrap_or_default());
        if of_a_request && !is_later {
            assert_eq!(line["trace_id"], trace_id(id.expect("it was there")).as_str(), "{line}");
        }
    }
}

#[tokio::test]
async fn a_request_without_an_id_or_with_a_wrong_one_is_logged_under_the_one_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Start::new(&folder.path().join("gateway.db")).run().await;
    let client = client();
    let mut given = Vec::new();
    for id in [None, Some("a b"), Some("\u{7}\"}{"), Some(""), Some(&*"x".repeat(5_000))] {
        let mut request = Request::get("/livez").header(header::HOST, "gateway");
        let raw = id.and_then(|id| http::HeaderValue::from_bytes(id.as_bytes()).ok());
        if let Some(raw) = raw {
            request = request.header(CORRELATION_ID, raw);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let answer = client.get(gateway.url("/livez")).headers(parts.headers).send().await.unwrap();
        given.push(answer.headers()[CORRELATION_ID].to_str().unwrap().to_owned());
    }
    let lines = parsed(&gateway.stop().await.log);
    for id in given {
        assert!(id.len() <= 128 && !id.contains(' '), "{id}");
        assert_eq!(lines.iter().filter(|line| has_field(line, &id)).count(), 1, "{id}");
    }
}

/// Each is sent in a place of its own, so that a leak says where it comes from.
const SECRETS: [&str; 10] = [
    "s3cr3t-authorization",
    "s3cr3t-api-key",
    "s3cr3t-cookie",
    "s3cr3t-proxy",
    "s3cr3t-query",
    "s3cr3t-basic",
    "s3cr3t-mail",
    "s3cr3t-regtech",
    "s3cr3t-flaisimulator",
    "s3cr3t-dashboard",
];

fn headers(request: http::request::Builder) -> http::request::Builder {
    request
        .header(header::AUTHORIZATION, "Bearer s3cr3t-authorization")
        .header("x-api-key", "igd_s3cr3t-api-key")
        .header(header::COOKIE, "session=s3cr3t-cookie")
        .header(header::PROXY_AUTHORIZATION, "Basic s3cr3t-proxy")
}

fn with_secrets(gateway: &Gateway, path: &str, body: &Value) -> Request<Full<Bytes>> {
    let request = Request::post(gateway.url(path)).header(header::CONTENT_TYPE, "application/json");
    headers(request).body(Full::from(body.to_string())).unwrap()
}

async fn over_http1(gateway: &Gateway, path: &str, body: &Value) -> u16 {
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = with_secrets(gateway, path, body);
    request.headers_mut().insert(header::HOST, gateway.address.to_string().parse().unwrap());
    let answer = within("an answer", sender.send_request(request)).await.unwrap();
    let status = answer.status().as_u16();
    answer.into_body().collect().await.unwrap();
    connection.abort();
    status
}

async fn over_http2(gateway: &Gateway, path: &str, body: &Value) -> u16 {
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let answer = within("an answer", sender.send_request(with_secrets(gateway, path, body))).await.unwrap();
    let status = answer.status().as_u16();
    answer.into_body().collect().await.unwrap();
    connection.abort();
    status
}

async fn over_a_websocket(gateway: &Gateway) {
    let url = format!("ws://{}/api/v1/realtime/subscribe?token=s3cr3t-query", gateway.address);
    let mut request = url.into_client_request().unwrap();
    let (extra, ()) = headers(Request::get("/")).body(()).unwrap().into_parts();
    request.headers_mut().extend(extra.headers);
    let (mut socket, _) = within("the handshake", tokio_tungstenite::connect_async(request)).await.unwrap();
    within("the first event", socket.next()).await.unwrap().unwrap();
}

#[tokio::test]
async fn no_credential_is_ever_in_the_logs_or_in_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gateway.db");
    let (simulators, recorder) = (simulators(), Recorder::start().await);
    let gateway = Start::new(&database)
        .services(&simulators)
        .set("SERVICES__DASHBOARD__BASE_URL", recorder.url())
        .set("SERVICES__REGTECH__BEARER_TOKEN", "s3cr3t-regtech")
        .set("SERVICES__FLAISIMULATOR__BEARER_TOKEN", "s3cr3t-flaisimulator")
        .set("SERVICES__DASHBOARD__BEARER_TOKEN", "s3cr3t-dashboard")
        .set("LOGS__FILTER", "trace")
        .run()
        .await;
    let unknown = json!({"workflow": "training_sync", "payload": {"session_id": "nobody-has-this"}});
    let mut private = analysis(1);
    private["payload"]["contact_email"] = "s3cr3t-mail@example.org".into();
    for (path, body, expected) in [
        (EXECUTE, &analysis(1), 200),
        (EXECUTE, &unknown, 422),
        ("/nothing?access_token=s3cr3t-query", &json!({}), 404),
        ("/api/v1/health?access_token=s3cr3t-query", &json!({}), 405),
    ] {
        assert_eq!(over_http1(&gateway, path, body).await, expected, "{path}");
        assert_eq!(over_http2(&gateway, path, body).await, expected, "{path}");
    }
    simulators.regtech.control().fail(Failure::reset().on("/analyze_provider").times(3));
    assert_eq!(over_http1(&gateway, EXECUTE, &private).await, 502);
    over_a_websocket(&gateway).await;
    let basic = client().get(gateway.url("/api/v1/health")).basic_auth("me", Some("s3cr3t-basic"));
    assert_eq!(ask(basic).await.0, 200);
    let updates = recorder.updates(2).await;
    assert!(updates.iter().all(|update| update.authorization.as_deref() == Some("Bearer s3cr3t-dashboard")));
    let exit = gateway.stop().await;
    assert!(exit.log.iter().any(|line| line.contains("\"level\":\"TRACE\"")), "the filter lets traces pass");
    let told = exit.log.join("\n") + &exit.errors;
    for secret in SECRETS {
        let line = exit.log.iter().find(|line| line.contains(secret));
        assert!(line.is_none(), "{line:?}");
        assert!(!told.contains(secret));
    }
    let file = std::fs::read(&database).unwrap();
    let kept = String::from_utf8_lossy(&file);
    // What was asked for has to be kept; how it was allowed has not.
    for secret in SECRETS.iter().filter(|secret| **secret != "s3cr3t-mail") {
        assert!(!kept.contains(secret), "{secret} is in the database");
    }
}

#[tokio::test]
async fn a_standard_output_that_nobody_reads_does_not_stop_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Start::new(&folder.path().join("gateway.db")).run().await;
    gateway.close_stdout();
    let client = client();
    for _ in 0..200 {
        assert_eq!(ask(client.get(gateway.url("/livez"))).await.0, 200);
    }
    let exit = gateway.stop().await;
    assert_eq!((exit.code, exit.errors.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_standard_output_that_is_full_does_not_hold_up_requests() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Start::new(&folder.path().join("gateway.db")).set("LOGS__FILTER", "trace").run().await;
    gateway.stop_reading();
    let client = client();
    let dropped = async || {
        let asked = (0..1000).map(|_| ask(client.get(gateway.url("/livez"))));
        let mut answers = stream::iter(asked).buffer_unordered(32);
        while let Some((status, ..)) = answers.next().await {
            assert_eq!(status, 200);
        }
        figure(&client, &gateway, "integridai_log_lines_dropped_total").await > Some(0.0)
    };
    until("dropped lines in the metrics", dropped).await;
    assert_eq!(gateway.stop().await.code, Some(0));
}
