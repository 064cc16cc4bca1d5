//! `WS /api/v1/realtime/subscribe`

use integridai_gateway::demo::Failure;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::client::{Answer, CONSOLIDATED, SUBSCRIBE};
use crate::support::gateway::Gateway;
use crate::support::raw::Raw;
use crate::support::requests::{COMPLIANCE, UPDATE, analysis, training};
use crate::support::stream::{Stream, publish};
use crate::support::stub::Stub;
use crate::support::subscriber::Subscriber;
use crate::support::{until, within};

#[tokio::test]
async fn the_consolidated_metrics_come_at_once() {
    let gateway = Gateway::start().await;
    let metrics = gateway.client.get(CONSOLIDATED).await.ok();
    let mut subscriber = Subscriber::connect(gateway.address()).await.expect("a place");
    let first = subscriber.next().await;
    assert_eq!((&first["type"], &first["data"]), (&json!("metrics_update"), &metrics));
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn and_then_at_the_configured_interval() {
    let gateway = Gateway::with(&[("REALTIME__METRICS_INTERVAL_SECONDS", "0.1")]).await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    let mut last = Value::Null;
    for _ in 0..5 {
        let event = subscriber.next().await;
        assert_eq!(event["type"], "metrics_update");
        assert!(last["id"] != event["id"] && last["timestamp"].as_str() <= event["timestamp"].as_str());
        last = event;
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn the_text_ping_is_answered_and_everything_else_ignored() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    for ignored in [
        Message::text("hello"),
        Message::text(""),
        Message::text(r#"{"type":"ping"}"#),
        Message::binary(vec![0, 159, 146, 150]),
        Message::binary(&b"ping"[..]),
        Message::Ping(vec![1; 125].into()),
        Message::Pong(vec![2; 125].into()),
    ] {
        subscriber.say(ignored).await;
    }
    for ping in ["ping", " ping\n"] {
        subscriber.say(Message::text(ping)).await;
        assert_eq!(subscriber.text().await, "pong");
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn all_four_types_come_in_the_published_shape_and_are_kept_under_their_ids() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    gateway.dashboard().control().fail(Failure::reset().on(UPDATE).times(1));
    gateway.client.execute(&analysis()).await.ok();
    gateway.client.execute(&training()).await.ok();
    gateway.client.execute(&json!({"workflow": "metrics_update"})).await.ok();
    for (kind, source) in [
        ("system_alert", "dashboard"),
        ("analysis_complete", "regtech"),
        ("training_progress", "flaisimulator"),
        ("metrics_update", "gateway"),
    ] {
        let event = subscriber.next().await;
        assert_eq!(event["type"], kind, "{event}");
        let id = event["id"].as_str().expect("an id");
        assert_eq!(uuid::Uuid::try_parse(id).expect("a UUID").get_version_num(), 7);
        let query = format!("SELECT event_type, service_name, payload FROM system_events WHERE id = '{id}'");
        let row = gateway.until_rows(&query, 1).await.remove(0);
        assert_eq!((&row["event_type"], &row["service_name"]), (&json!(kind), &json!(source)));
        let payload: Value = serde_json::from_str(row["payload"].as_str().expect("text")).expect("JSON");
        assert_eq!(payload, event["data"]);
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn one_event_reaches_fifty_subscribers() {
    let gateway = Gateway::start().await;
    let mut subscribers = Vec::new();
    for _ in 0..50 {
        subscribers.push(Subscriber::start(&gateway.client).await);
    }
    let result = gateway.client.execute(&analysis()).await.ok();
    let mut ids = Vec::new();
    for subscriber in &mut subscribers {
        let event = subscriber.event("analysis_complete").await;
        assert_eq!(event["data"]["workflow_id"], result["workflow_id"]);
        ids.push(event["id"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "one event has one id");
    drop(subscribers);
    gateway.stop().await;
}

#[tokio::test]
async fn one_subscriber_too_many_is_503_until_another_leaves() {
    let gateway = Gateway::with(&[("REALTIME__MAX_SUBSCRIBERS", "2")]).await;
    let first = Subscriber::start(&gateway.client).await;
    let second = Subscriber::start(&gateway.client).await;
    assert_eq!(Subscriber::connect(gateway.address()).await.err(), Some(503));
    let handshake = gateway.client.request(http::Method::GET, SUBSCRIBE).headers(handshake());
    let refused = gateway.client.send(handshake).await;
    assert_eq!(refused.problem(503)["detail"], "too many subscribers");
    assert_eq!(refused.header("retry-after"), "10");
    drop(first);
    until("a free place", async || Subscriber::connect(gateway.address()).await.ok()).await;
    drop(second);
    gateway.stop().await;
}

fn handshake() -> http::HeaderMap {
    let headers = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let parse = |(name, value): (&'static str, &'static str)| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
    };
    headers.into_iter().map(parse).collect()
}

#[tokio::test]
async fn what_is_no_handshake_is_a_problem() {
    let gateway = Gateway::start().await;
    let upgrades = |answer: Answer| {
        answer.problem(426);
        let fields = ["upgrade", "connection", "sec-websocket-version"].map(|name| answer.header(name));
        assert_eq!(fields, ["websocket", "upgrade", "13"], "{answer:?}");
    };
    upgrades(gateway.client.get(SUBSCRIBE).await);
    let anything = gateway.client.request(http::Method::GET, SUBSCRIBE).header("accept", "*/*, text/html");
    upgrades(gateway.client.send(anything).await);
    for (name, value, status) in [
        ("connection", "keep-alive", 426),
        ("upgrade", "h2c", 426),
        ("sec-websocket-version", "7", 426),
        ("sec-websocket-key", "", 400),
    ] {
        let mut headers = handshake();
        if value.is_empty() {
            headers.remove(name);
        } else {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
        let request = gateway.client.request(http::Method::GET, SUBSCRIBE).headers(headers);
        let answer = gateway.client.send(request).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        match status {
            426 => upgrades(answer),
            status => drop(answer.problem(status)),
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn whoever_asks_for_an_event_stream_where_the_websocket_is_gets_one() {
    let gateway = Gateway::start().await;
    let request = gateway.client.request(http::Method::GET, &format!("{SUBSCRIBE}?topics=note"));
    let mut stream = Stream::open(request.header("accept", "text/html, Text/Event-Stream;q=0.5")).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let published = publish(&gateway.client, "note", 0..2).await;
    for (number, cursor) in published.iter().enumerate() {
        let (id, event) = stream.next().await;
        assert_eq!((id, &event["data"]), (Some(*cursor), &serde_json::json!(number)));
    }
    drop(stream);
    gateway.stop().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_its_connection_and_no_other() {
    let gateway = Gateway::with(&[("REALTIME__MAX_SUBSCRIBERS", "2")]).await;
    let mut other = Subscriber::start(&gateway.client).await;
    for message in [Message::text("x".repeat(4 * 1024 + 1)), Message::binary(vec![0; 100_000])] {
        let mut subscriber =
            until("a free place", async || Subscriber::connect(gateway.address()).await.ok()).await;
        assert_eq!(subscriber.next().await["type"], "metrics_update");
        subscriber.say(message).await;
        subscriber.closed().await;
    }
    let mut fits = until("a free place", async || Subscriber::connect(gateway.address()).await.ok()).await;
    fits.next().await;
    fits.say(Message::text(format!("{}ping", " ".repeat(4 * 1024 - 4)))).await;
    assert_eq!(fits.text().await, "pong");
    gateway.client.execute(&analysis()).await.ok();
    other.event("analysis_complete").await;
    drop(other);
    drop(fits);
    gateway.stop().await;
}

#[tokio::test]
async fn text_that_is_not_utf_8_ends_its_connection_and_no_other() {
    let gateway = Gateway::start().await;
    let mut other = Subscriber::start(&gateway.client).await;
    let mut raw = Raw::subscribe(gateway.address()).await;
    // A masked text frame with one byte that is no UTF-8; the mask is zero.
    raw.send_bytes(&[0x81, 0x81, 0, 0, 0, 0, 0xff]).await;
    raw.rest().await;
    gateway.client.execute(&analysis()).await.ok();
    other.event("analysis_complete").await;
    drop(other);
    gateway.stop().await;
}

#[tokio::test]
async fn a_subscriber_is_served_while_a_service_hangs() {
    let settings = &[("METRICS__TIMEOUT_SECONDS", "600"), ("METRICS__CACHE_SECONDS", "0.001")];
    let gateway = Gateway::with(settings).await;
    gateway.client.get(CONSOLIDATED).await.ok();
    gateway.regtech().control().fail(Failure::hang().on(COMPLIANCE));
    gateway.client.execute(&json!({"workflow": "metrics_update"})).await.ok();
    within(gateway.regtech().control().wait_until(|report| report.in_flight == 1)).await;
    let mut subscriber = Subscriber::connect(gateway.address()).await.expect("a place");
    assert_eq!(subscriber.next().await["type"], "metrics_update");
    subscriber.say(Message::text("ping")).await;
    assert_eq!(subscriber.text().await, "pong");
    gateway.client.execute(&analysis()).await.ok();
    assert_eq!(subscriber.next().await["type"], "analysis_complete");
    assert_eq!(gateway.regtech().control().report().in_flight, 1, "it still hangs");
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_session_that_is_too_large_for_an_event_is_left_to_its_execution() {
    let dashboard = Stub::start(200, "").await;
    let gateway = Gateway::with(&[
        ("SERVER__MAX_BODY_BYTES", "3000000"),
        ("SERVICES__DASHBOARD__BASE_URL", &dashboard.url),
    ])
    .await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    for (size, is_sent) in [(60_000, true), (2_900_000, false)] {
        let mut request = training();
        request["payload"]["training_session"]["notes"] = json!("n".repeat(size));
        let done = gateway.client.execute(&request).await.ok();
        assert_eq!(done["training_session"]["notes"].as_str().map(str::len), Some(size));
        let event = subscriber.event("training_progress").await;
        assert_eq!(event["data"]["session"].is_object(), is_sent);
        assert_eq!(event["data"]["workflow_id"], done["workflow_id"]);
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_goodbye_is_answered_with_its_own_code() {
    let gateway = Gateway::start().await;
    for code in [CloseCode::Normal, CloseCode::Away] {
        let mut subscriber = Subscriber::start(&gateway.client).await;
        subscriber.say(Message::Close(Some(CloseFrame { code, reason: "enough".into() }))).await;
        assert_eq!(subscriber.closed().await, Some(code.into()));
    }
    gateway.stop().await;
}
