//! `POST /api/v1/events`

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::stream::EVENTS;
use crate::support::subscriber::Subscriber;

const JSON: &str = "application/json";
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

async fn post(client: &Client, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
    client.send(client.request(Method::POST, EVENTS).header("content-type", kind).body(body)).await
}

fn cloud_event(id: &str) -> Value {
    json!({"specversion": "1.0", "type": "training.completed", "source": "/flai", "id": id, "data": {"id": id}})
}

fn told(answer: &Answer) -> Vec<bool> {
    let answer = answer.json();
    let events = answer["events"].as_array().expect("a list");
    events.iter().map(|event| event["is_new"].as_bool().expect("a truth")).collect()
}

#[tokio::test]
async fn an_event_in_any_form_is_in_the_log_and_reaches_subscribers() {
    let gateway = Gateway::start().await;
    let client = &gateway.client;
    let mut subscriber = Subscriber::open(client.address, "?topics=training.completed", None).await.unwrap();
    let plain = json!({"type": "training.completed", "source": "/flai", "data": {"id": "plain"}}).to_string();
    assert_eq!(post(client, JSON, plain).await.status, 202);
    assert_eq!(post(client, STRUCTURED, cloud_event("structured").to_string()).await.status, 202);
    let request = client.request(Method::POST, EVENTS).json(&json!({"id": "binary"}));
    let request = request.header("ce-specversion", "1.0").header("ce-type", "training.completed");
    assert_eq!(client.send(request.header("ce-source", "/flai").header("ce-id", "binary")).await.status, 202);
    let batch = json!([cloud_event("first"), cloud_event("second")]).to_string();
    let answer = post(client, BATCH, batch).await;
    assert_eq!((answer.status, told(&answer)), (202, vec![true, true]));
    let mut cursor = 0;
    for id in ["plain", "structured", "binary", "first", "second"] {
        let event = subscriber.next().await;
        assert_eq!((&event["data"]["id"], &event["source"]), (&json!(id), &json!("/flai")));
        assert!(event["cursor"].as_u64() > Some(cursor) && event["correlation_id"].is_string(), "{event}");
        assert_eq!(event["event_id"].as_str(), (id != "plain").then_some(id));
        cursor = event["cursor"].as_u64().unwrap();
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn an_event_that_is_sent_again_is_told_by_its_first_id_and_not_sent_on() {
    let gateway = Gateway::start().await;
    let client = &gateway.client;
    let first = post(client, STRUCTURED, cloud_event("a").to_string()).await;
    let again = post(client, STRUCTURED, cloud_event("a").to_string()).await;
    assert_eq!((first.status, again.status), (202, 200));
    let (first, again) = (first.json()["events"][0].clone(), again.json()["events"][0].clone());
    assert_eq!((&first["id"], &first["cursor"]), (&again["id"], &again["cursor"]));
    assert_eq!((&first["is_new"], &again["is_new"]), (&json!(true), &json!(false)));
    let answer =
        post(client, BATCH, json!([cloud_event("a"), cloud_event("b"), cloud_event("b")]).to_string());
    let answer = answer.await;
    assert_eq!((answer.status, told(&answer)), (202, vec![false, true, false]));
    let gateway = gateway.restart().await;
    assert_eq!(post(&gateway.client, STRUCTURED, cloud_event("a").to_string()).await.status, 200);
    assert_eq!(post(&gateway.client, BATCH, "[]").await.status, 200);
    assert_eq!(gateway.rows("SELECT 1 FROM system_events WHERE source = '/flai'").len(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_not_taken_is_a_problem_and_leaves_nothing() {
    let gateway =
        Gateway::with(&[("REALTIME__MAX_PUBLISHED_EVENTS", "2"), ("SERVER__MAX_BODY_BYTES", "1000")]).await;
    let client = &gateway.client;
    for (kind, body, status) in [
        (JSON, "{".to_owned(), 400),
        (STRUCTURED, "[]".to_owned(), 400),
        (JSON, json!({"type": "a", "source": "b", "data": "x".repeat(1_000)}).to_string(), 413),
        (BATCH, json!([1, 2, 3].map(|id| cloud_event(&id.to_string()))).to_string(), 413),
        ("text/plain", "{}".to_owned(), 415),
        ("application/cloudevents+avro", "{}".to_owned(), 415),
        (JSON, "{}".to_owned(), 422),
    ] {
        post(client, kind, body).await.problem(status);
    }
    let mut wrong = cloud_event("b");
    wrong["time"] = json!("yesterday");
    let problem = post(client, BATCH, json!([cloud_event("a"), wrong]).to_string()).await.problem(422);
    let expected = json!([{"pointer": "/1/time", "detail": "expected a moment as in RFC 3339"}]);
    assert_eq!(problem["errors"], expected);
    assert_eq!(gateway.rows("SELECT 1 FROM system_events WHERE source = '/flai'").len(), 0);
    gateway.stop().await;
}

#[tokio::test]
async fn while_the_database_cannot_be_written_events_are_refused() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.client.get("/livez").await.status, 200);
    let held = gateway.hold_database();
    let refused = post(&gateway.client, STRUCTURED, cloud_event("a").to_string()).await;
    assert_eq!(refused.problem(503)["detail"], "events cannot be stored at the moment");
    assert_eq!(refused.header("retry-after"), "10");
    drop(held);
    let again = post(&gateway.client, STRUCTURED, cloud_event("a").to_string()).await;
    assert_eq!((again.status, told(&again)), (202, vec![true]));
    gateway.stop().await;
}

#[tokio::test]
async fn publishing_has_a_scope_of_its_own() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    let post = async |token: Option<String>| {
        let request = client.request(Method::POST, EVENTS).json(&json!({"type": "a", "source": "b"}));
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        client.send(request).await.status
    };
    assert_eq!(post(None).await, 401);
    assert_eq!(post(Some(token("events:read"))).await, 403);
    assert_eq!(post(Some(token("events:write"))).await, 202);
    let read = async |scope: &str| {
        let request = client.request(Method::GET, EVENTS).bearer_auth(token(scope));
        client.send(request).await.status
    };
    assert_eq!((read("events:write").await, read("events:read").await), (403, 200));
    guarded.gateway.stop().await;
}
