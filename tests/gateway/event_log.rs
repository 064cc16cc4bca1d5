//! `GET /api/v1/events`

use http::Method;
use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::credentials::{Guarded, claims, signed, token};
use crate::support::gateway::Gateway;
use crate::support::stream::{EVENTS, publish};

async fn get(gateway: &Gateway, query: &str) -> Answer {
    gateway.client.get(&format!("{EVENTS}{query}")).await
}

fn cursors(answer: &Value) -> Vec<u64> {
    let events = answer["events"].as_array().expect("a list");
    events.iter().map(|event| event["cursor"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn the_log_is_read_page_by_page_in_either_order() {
    let gateway = Gateway::start().await;
    let published = publish(&gateway.client, "load", 0..25).await;
    for (order, expected) in [("asc", published.clone()), ("desc", published.iter().rev().copied().collect())]
    {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let query = format!("?type=load&order={order}&limit=10{cursor}");
            let page = get(&gateway, &query).await.ok();
            found.extend(cursors(&page));
            let Some(next) = page["next_cursor"].as_u64() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected, "{order}");
    }
    gateway.change_database("DELETE FROM system_events WHERE event_type = 'load' AND payload = '3'");
    let page = get(&gateway, "?type=load&limit=1000").await.ok();
    assert_eq!((page["pruned_through"].as_u64(), cursors(&page).len()), (Some(published[3]), 24));
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_of_large_events_ends_early_and_is_gone_on_from() {
    let gateway = Gateway::start().await;
    let data = "x".repeat(900_000);
    for _ in 0..6 {
        let event = json!({"type": "load", "source": "tests", "data": data});
        let request = gateway.client.request(Method::POST, EVENTS).json(&event);
        assert_eq!(gateway.client.send(request).await.status, 202);
    }
    let page = get(&gateway, "?type=load").await.ok();
    assert_eq!(cursors(&page).len(), 5, "with the fifth they are more than 4 MiB");
    let last = *cursors(&page).last().expect("there are some");
    assert_eq!(page["next_cursor"].as_u64(), Some(last));
    let rest = get(&gateway, &format!("?type=load&cursor={last}")).await.ok();
    assert_eq!((cursors(&rest).len(), rest["next_cursor"].as_u64()), (1, None));
    gateway.stop().await;
}

#[tokio::test]
async fn filters_choose_and_what_makes_no_sense_is_refused() {
    let gateway = Gateway::start().await;
    let client = &gateway.client;
    for (source, kind, at) in [("x", "a", "2026-01-01"), ("y&z", "a", "2026-01-02"), ("x", "b", "2026-01-03")]
    {
        let event = json!({"type": kind, "source": source, "timestamp": format!("{at}T00:00:00Z"),
            "correlation_id": format!("of-{at}"), "user_id": source});
        client.send(client.request(Method::POST, EVENTS).json(&event)).await;
    }
    let moment = "2026-01-02T00:00:00Z";
    for (query, expected) in [
        ("type=a".to_owned(), 2),
        ("type=a,b".to_owned(), 3),
        ("type=a&source=x".to_owned(), 1),
        ("source=y%26z".to_owned(), 1),
        ("correlation_id=of-2026-01-03".to_owned(), 1),
        ("user_id=x".to_owned(), 2),
        (format!("type=a,b&since={moment}"), 2),
        (format!("type=a,b&until={moment}"), 1),
        ("type=a,b&limit=1".to_owned(), 1),
        ("type=a,b&cursor=9007199254740993".to_owned(), 0),
    ] {
        let found = get(&gateway, &format!("?{query}")).await.ok();
        assert_eq!(cursors(&found).len(), expected, "{query}: {found}");
    }
    for wrong in [
        "type=A",
        "type=",
        "since=now",
        "until=2026-01-01",
        "order=up",
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=-1",
        "source=",
        "colour=a",
    ] {
        get(&gateway, &format!("?{wrong}")).await.problem(400);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn one_sees_what_is_for_everybody_and_what_is_ones_own() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    for (kind, user) in [
        ("note", json!("ann")),
        ("note", json!("bob")),
        ("note", Value::Null),
        ("system_alert", json!("bob")),
    ] {
        let event = json!({"type": kind, "source": "tests", "user_id": user, "data": {}});
        let request = client.request(Method::POST, EVENTS).bearer_auth(token("events:write")).json(&event);
        assert_eq!(client.send(request).await.status, 202);
    }
    let mut bob = claims("events:read");
    bob["sub"] = json!("bob");
    let ask = async |query: &str, token: &str| {
        client
            .send(client.request(Method::GET, &format!("{EVENTS}?source=tests{query}")).bearer_auth(token))
            .await
    };
    let users = |answer: &Answer| {
        let answer = answer.ok();
        let events = answer["events"].as_array().expect("a list");
        events.iter().map(|event| event["user_id"].clone()).collect::<Value>()
    };
    let ann = token("events:read");
    assert_eq!(users(&ask("", &ann).await), json!(["ann", null, null]), "nobody learns whose the alert is");
    assert_eq!(users(&ask("", &signed(&bob)).await), json!(["bob", null, "bob"]));
    assert_eq!(users(&ask("", &token("admin")).await), json!(["ann", "bob", null, "bob"]));
    assert_eq!(users(&ask("&user_id=ann", &ann).await), json!(["ann"]));
    ask("&user_id=bob", &ann).await.problem(403);
    assert_eq!(users(&ask("&user_id=bob", &token("admin")).await), json!(["bob", "bob"]));
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_503() {
    let gateway = Gateway::start().await;
    gateway.change_database("ALTER TABLE event_log RENAME TO elsewhere");
    get(&gateway, "").await.problem(503);
    gateway.change_database("ALTER TABLE elsewhere RENAME TO event_log");
    get(&gateway, "").await.ok();
    gateway.stop().await;
}
