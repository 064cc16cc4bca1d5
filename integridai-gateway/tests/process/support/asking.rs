//! Requests, and their answers as JSON.
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{Gateway, PATIENCE};

pub(crate) fn client() -> Client {
    Client::builder().no_proxy().timeout(PATIENCE).build().expect("no TLS is needed")
}

/// The status and the body.
pub(crate) async fn ask(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("answered");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a whole body");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) async fn health(client: &Client, gateway: &Gateway) -> Value {
    let (status, health) = ask(client.get(gateway.url("/api/v1/health"))).await;
    assert_eq!(status, 200, "{health}");
    health
}

/// A figure without labels, from the metrics.
pub(crate) async fn figure(client: &Client, gateway: &Gateway, name: &str) -> Option<f64> {
    let metrics = client.get(gateway.url("/metrics")).send().await.expect("answered");
    let metrics = metrics.text().await.expect("a whole body");
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

pub(crate) fn analysis(number: usize) -> Value {
    let payload = json!({"name": format!("Acme {number}"), "cuit": "30-12345678-9", "sector": "tecnologia"});
    json!({"workflow": "complete_analysis", "payload": payload})
}

pub(crate) fn training(number: usize) -> Value {
    let session = json!({"session_id": format!("session-{number}"), "score": 80, "progress": 100});
    json!({"workflow": "training_sync", "payload": {"user_id": "user-7", "training_session": session}})
}

/// The same request, to be done asynchronously.
pub(crate) fn later(mut request: Value) -> Value {
    request["options"] = json!({"async": true});
    request
}
