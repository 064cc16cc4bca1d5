//! The simulated services, as a real HTTP client sees them.
#![allow(missing_docs)]

use std::time::Duration;

use integridai_gateway::demo::{Simulator, SimulatorOptions, Simulators};
use serde_json::{Value, json};

#[path = "demo/down.rs"]
mod down;
#[path = "demo/failures.rs"]
mod failures;
#[path = "demo/shapes.rs"]
mod shapes;

const ACME: &str = r#"{"name":"Acme","cuit":"30-12345678-9","sector":"tecnologia"}"#;
const ANALYZE: &str = "/analyze_provider";
const HEALTH: &str = "/health";
const UPDATE: &str = "/api/update_metrics";

fn start() -> Simulators {
    Simulators::start(&SimulatorOptions::default()).expect("loopback has free ports")
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("no TLS is needed")
}

async fn get(simulator: &Simulator, path: &str) -> (u16, Value) {
    read(client().get(simulator.url() + path).send().await).await
}

async fn post(simulator: &Simulator, path: &str, body: impl ToString) -> (u16, Value) {
    let request = client().post(simulator.url() + path).header("content-type", "application/json");
    read(request.body(body.to_string()).send().await).await
}

async fn read(answer: reqwest::Result<reqwest::Response>) -> (u16, Value) {
    let answer = answer.expect("answered");
    assert_eq!(answer.headers()["content-type"], "application/json");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("happens soon")
}

fn analysis_update() -> Value {
    json!({"provider_analysis": {"success": true, "score": 85.5}, "timestamp": "2026-01-01T00:00:00Z"})
}
