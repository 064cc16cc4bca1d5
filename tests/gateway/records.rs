//! What is written down of calls and events.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{CONSOLIDATED, EXECUTE, EXECUTIONS, HEALTH, SUBSCRIBE};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::requests::{analysis, later, training};
use crate::support::subscriber::Subscriber;
use crate::support::until;

const CALLS: &str = "SELECT * FROM api_calls_log ORDER BY timestamp, id";

/// RFC 3339 with microseconds, as the store writes it.
fn is_moment(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 27 && text.starts_with("20") && text.ends_with('Z'))
}

#[tokio::test]
async fn every_kind_of_call_is_one_row_with_its_status_and_sizes() {
    let gateway = Gateway::with(&[("SERVER__MAX_BODY_BYTES", "1000")]).await;
    let client = &gateway.client;
    let json = |text: String| {
        let request = client.request(Method::POST, EXECUTE).header("content-type", "application/json");
        request.body(text)
    };
    let get = |path: &str| client.request(Method::GET, path);
    let (good, wrong) = (analysis().to_string(), r#"{"workflow":7,"payload":{}}"#.to_owned());
    let queued = later(analysis()).to_string();
    let mut expected = Vec::new();
    for (request, status, size) in [
        (get("/livez"), 200, 0),
        (get(&format!("{HEALTH}?token=s3cr3t")), 200, 0),
        (get(CONSOLIDATED), 200, 0),
        (get("/nowhere"), 404, 0),
        (get("/docs/"), 200, 0),
        (client.request(Method::DELETE, EXECUTE), 405, 0),
        (json(good.clone()), 200, good.len()),
        (json(queued.clone()), 202, queued.len()),
        (json(wrong.clone()), 422, wrong.len()),
        (json("{".to_owned()), 400, 1),
        (client.request(Method::POST, EXECUTE), 415, 0),
        (json("x".repeat(1_001)), 413, 0),
        (get(SUBSCRIBE), 426, 0),
    ] {
        let sent = request.try_clone().expect("no stream").build().expect("a request");
        let answer = client.send(request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        let (method, path) = (sent.method().as_str(), sent.url().path());
        expected.push(json!([method, path, status, size, answer.body.len()]));
    }
    let rows = gateway.until_rows(CALLS, expected.len()).await;
    let columns = ["method", "endpoint", "status_code", "request_size", "response_size"];
    let found: Vec<Value> =
        rows.iter().map(|row| columns.iter().map(|column| row[*column].clone()).collect()).collect();
    assert_eq!(found, expected);
    for row in &rows {
        assert!(
            row["id"].is_string() && row["response_time_ms"].is_u64() && is_moment(&row["timestamp"]),
            "{row}"
        );
    }
    assert!(!Value::Array(rows).to_string().contains("s3cr3t"), "a query may hold a secret");
    gateway.stop().await;
}

#[tokio::test]
async fn an_upgrade_is_a_row_when_it_begins() {
    let gateway = Gateway::start().await;
    let subscriber = Subscriber::connect(gateway.address()).await.expect("a place");
    let row = gateway.until_rows(CALLS, 1).await.remove(0);
    assert_eq!((&row["endpoint"], &row["status_code"]), (&json!(SUBSCRIBE), &json!(101)));
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_path_of_any_length_is_a_row() {
    let gateway = Gateway::start().await;
    let path = format!("/{}", "long".repeat(1_000));
    gateway.client.get(&path).await.problem(404);
    let row = gateway.until_rows(CALLS, 1).await.remove(0);
    assert_eq!(row["endpoint"], path[..200]);
    gateway.stop().await;
}

#[tokio::test]
async fn events_are_kept_with_the_request_and_the_user_that_caused_them() {
    let guarded = Guarded::start().await;
    let gateway = guarded.gateway;
    for (mut request, correlation) in [(analysis(), "a-1"), (training(), "t-1")] {
        request["payload"]["user_id"] = json!("user-7");
        let sent = gateway.client.request(Method::POST, EXECUTE).header("x-correlation-id", correlation);
        gateway.client.send(sent.bearer_auth(token("workflows:execute")).json(&request)).await.ok();
    }
    let query = "SELECT event_type, service_name, correlation_id, user_id, timestamp FROM system_events \
                 WHERE user_id IS NOT NULL ORDER BY id";
    let mut rows = gateway.until_rows(query, 2).await;
    assert!(rows.iter_mut().all(|row| is_moment(&row["timestamp"].take())));
    let expected = [("analysis_complete", "regtech", "a-1"), ("training_progress", "flaisimulator", "t-1")];
    let expected = expected.map(|(kind, source, correlation)| {
        json!({
            "event_type": kind, "service_name": source, "correlation_id": correlation,
            "user_id": "ann", "timestamp": null,
        })
    });
    assert_eq!(rows, expected);
    let query = "SELECT service_name FROM system_events WHERE event_type = 'metrics_update'";
    assert_eq!(gateway.until_rows(query, 1).await, [json!({"service_name": "gateway"})]);
    gateway.stop().await;
}

#[tokio::test]
async fn an_execution_is_that_of_whoever_asked_whatever_the_payload_says() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    let ask = async |path: &str| {
        let request = client.request(Method::GET, path).bearer_auth(token("workflows:execute"));
        client.send(request).await
    };
    for request in [training(), later(training())] {
        let mut request = request;
        request["payload"]["user_id"] = json!("user-7");
        let sent = client.request(Method::POST, EXECUTE).bearer_auth(token("workflows:execute"));
        let answer = client.send(sent.json(&request)).await;
        let path = format!("{EXECUTIONS}/{}", answer.json()["workflow_id"].as_str().expect("an id"));
        let ended = until("its end", async || {
            let found = ask(&path).await;
            (found.status == 200 && found.json()["status"] == "succeeded").then(|| found.json())
        });
        assert_eq!(ended.await["user_id"], "ann");
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn nobody_is_written_down_where_nobody_is_asked_who_it_is() {
    let gateway = Gateway::start().await;
    let mut request = training();
    request["payload"]["user_id"] = json!("user-7");
    gateway.client.execute(&request).await.ok();
    let query = "SELECT user_id FROM system_events WHERE event_type = 'training_progress'";
    assert_eq!(gateway.until_rows(query, 1).await, [json!({"user_id": null})]);
    let query = "SELECT user_id FROM executions";
    assert_eq!(gateway.until_rows(query, 1).await, [json!({"user_id": null})]);
    gateway.stop().await;
}
