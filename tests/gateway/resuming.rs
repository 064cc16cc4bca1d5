//! Subscribers that leave and come back, over WebSockets and server-sent events.

use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::client::Client;
use crate::support::credentials::{Guarded, claims, signed, token};
use crate::support::gateway::Gateway;
use crate::support::stream::{Block, EVENTS, STREAM, Stream, publish};
use crate::support::subscriber::Subscriber;

fn cursor(event: &Value) -> u64 {
    event["cursor"].as_u64().unwrap_or_else(|| panic!("no cursor: {event}"))
}

async fn subscribe(client: &Client, query: &str) -> Subscriber {
    Subscriber::open(client.address, query, None).await.expect("a place")
}

#[tokio::test]
async fn whoever_comes_back_gets_what_came_meanwhile_also_after_a_restart() {
    let gateway = Gateway::start().await;
    let mut published = publish(&gateway.client, "load", 0..3).await;
    let mut subscriber = subscribe(&gateway.client, "?topics=load&cursor=0").await;
    let seen = cursor(&subscriber.next().await);
    assert_eq!(seen, published[0]);
    drop(subscriber);
    let gateway = gateway.restart().await;
    published.extend(publish(&gateway.client, "load", 3..103).await);
    published.extend(publish(&gateway.client, "load", 103..200).await);
    let mut subscriber = subscribe(&gateway.client, &format!("?topics=load&cursor={seen}")).await;
    let mut stream = Stream::follow(&gateway.client, &format!("?topics=load&cursor={seen}")).await;
    published.extend(publish(&gateway.client, "load", 200..210).await);
    for expected in &published[1..] {
        assert_eq!(cursor(&subscriber.next().await), *expected);
        let (id, event) = stream.next().await;
        assert_eq!((id, cursor(&event)), (Some(*expected), *expected));
    }
    drop((subscriber, stream));
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_tells_proxies_to_let_it_through_and_goes_on_after_the_last_event_id() {
    let gateway = Gateway::with(&[("REALTIME__PING_INTERVAL_SECONDS", "0.05")]).await;
    let published = publish(&gateway.client, "load", 0..4).await;
    let request = gateway.client.request(Method::GET, &format!("{STREAM}?topics=load&cursor=0"));
    let request = request.header("accept-encoding", "gzip").header("last-event-id", published[1].to_string());
    let mut stream = Stream::open(request).await;
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(stream.headers()[name], value);
    }
    assert!(!stream.headers().contains_key("content-encoding"));
    assert_eq!(stream.block().await, Some(Block::Other("retry: 1000".to_owned())));
    assert_eq!(stream.next().await.0, Some(published[2]));
    assert_eq!(stream.next().await.0, Some(published[3]));
    assert_eq!(stream.block().await, Some(Block::Other(": ping".to_owned())));
    let rest = tokio::spawn(stream.rest());
    gateway.stop().await;
    let last = rest.await.expect("no panic").pop();
    assert_eq!(last, Some(Block::Other(": the gateway goes down".to_owned())));
}

#[tokio::test]
async fn without_a_cursor_the_figures_of_now_come_first_and_with_one_they_do_not() {
    let gateway = Gateway::start().await;
    gateway.client.get("/api/v1/metrics/consolidated").await.ok();
    let mut stream = Stream::follow(&gateway.client, "").await;
    let (id, event) = stream.next().await;
    assert_eq!((id, &event["type"], event.get("cursor")), (None, &json!("metrics_update"), None));
    let published = publish(&gateway.client, "load", 0..1).await;
    let mut subscriber = subscribe(&gateway.client, &format!("?cursor={}", published[0] - 1)).await;
    assert_eq!(cursor(&subscriber.next().await), published[0]);
    let mut stream = Stream::follow(&gateway.client, "?topics=load").await;
    let published = publish(&gateway.client, "load", 1..2).await;
    assert_eq!(stream.next().await.0, Some(published[0]));
    drop((subscriber, stream));
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_no_longer_there_is_told_before_what_is() {
    let gateway = Gateway::start().await;
    let published = publish(&gateway.client, "load", 0..10).await;
    gateway.change_database(&format!("DELETE FROM system_events WHERE cursor <= {}", published[6]));
    let query = format!("?topics=load&cursor={}", published[2]);
    let mut subscriber = subscribe(&gateway.client, &query).await;
    let mut stream = Stream::follow(&gateway.client, &query).await;
    let gap = json!({"reason": "pruned", "after": published[2], "through": published[6]});
    let (id, told) = stream.next().await;
    for told in [told, subscriber.next().await] {
        assert_eq!((&told["data"]["code"], &told["data"]["gap"]), (&json!("events_missed"), &gap));
    }
    assert_eq!(id, None, "who reconnects asks for the same again");
    for expected in &published[7..] {
        assert_eq!(cursor(&subscriber.next().await), *expected);
        assert_eq!(stream.next().await.0, Some(*expected));
    }
    // Whoever has seen all that is gone misses nothing.
    let query = format!("?topics=load&cursor={}", published[6]);
    assert_eq!(cursor(&subscribe(&gateway.client, &query).await.next().await), published[7]);
    let mut stranger = subscribe(&gateway.client, "?topics=load&cursor=1000000").await;
    let told = stranger.next().await;
    let gap = &told["data"]["gap"];
    assert_eq!((&gap["reason"], &gap["after"]), (&json!("unknown_cursor"), &json!(1_000_000)));
    assert!(gap["through"].as_u64() >= Some(published[9]), "{gap}");
    let published = publish(&gateway.client, "load", 10..11).await;
    assert_eq!(cursor(&stranger.next().await), published[0], "it goes on with what comes now");
    drop((subscriber, stream, stranger));
    gateway.stop().await;
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused() {
    let gateway = Gateway::start().await;
    for (query, status) in
        [("?topics=A", 400), ("?cursor=x", 400), ("?overflow=wait", 400), ("?topics=user:", 400)]
    {
        assert_eq!(Subscriber::open(gateway.address(), query, None).await.err(), Some(status), "{query}");
        gateway.client.get(&format!("{STREAM}{query}")).await.problem(status);
    }
    gateway.stop().await;
    let gateway = Gateway::with(&[("REALTIME__MAX_SUBSCRIBERS", "1")]).await;
    let stream = Stream::follow(&gateway.client, "").await;
    let refused = gateway.client.get(STREAM).await;
    assert_eq!(refused.problem(503)["detail"], "too many subscribers");
    drop(stream);
    gateway.stop().await;
}

#[tokio::test]
async fn nobody_gets_the_events_of_another_user_live_or_from_the_log() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    let note = async |user: Option<&str>, number: u32| {
        let event = json!({"type": "note", "source": "tests", "user_id": user, "data": number});
        let request = client.request(Method::POST, EVENTS).bearer_auth(token("events:write")).json(&event);
        assert_eq!(client.send(request).await.status, 202);
    };
    let (ann, admin) = (token("events:read"), token("admin"));
    let mut claims = claims("events:read");
    claims["sub"] = json!("bob");
    let bob = signed(&claims);
    for (query, token, status) in [("?topics=user:bob", &ann, 403), ("?topics=note,user:ann", &bob, 403)] {
        let refused = Subscriber::open(client.address, query, Some(token)).await.err();
        assert_eq!(refused, Some(status), "{query}");
        let request = client.request(Method::GET, &format!("{STREAM}{query}")).bearer_auth(token);
        client.send(request).await.problem(status);
    }
    let send = async |from: u32| {
        for (index, user) in [Some("bob"), Some("ann"), None].into_iter().enumerate() {
            note(user, from + u32::try_from(index).expect("a small number")).await;
        }
    };
    send(0).await;
    let mut all = Vec::new();
    for (query, token, expected) in [
        ("?cursor=0&topics=note", &ann, [1, 2, 4, 5].as_slice()),
        ("?cursor=0&topics=note,user:ann", &ann, &[1, 2, 4, 5]),
        ("?cursor=0&topics=user:ann", &ann, &[1, 4]),
        ("?cursor=0&topics=note", &bob, &[0, 2, 3, 5]),
        ("?cursor=0&topics=user:bob", &admin, &[0, 3]),
        ("?cursor=0&topics=note", &admin, &[0, 1, 2, 3, 4, 5]),
    ] {
        let subscriber = Subscriber::open(client.address, query, Some(token)).await.expect("it may");
        all.push((query, subscriber, expected));
    }
    send(3).await;
    for (query, mut subscriber, expected) in all {
        for number in expected {
            assert_eq!(subscriber.next().await["data"], json!(number), "{query}");
        }
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_stream_ends_when_its_token_does_and_counts_as_a_connection() {
    let guarded = Guarded::with(&[("REALTIME__MAX_CONNECTIONS_PER_PRINCIPAL", "1")]).await;
    let client = &guarded.gateway.client;
    let mut claims = claims("events:read");
    claims["exp"] = json!(crate::support::credentials::now().as_secs() + 2);
    let stream = Stream::open(client.request(Method::GET, STREAM).bearer_auth(signed(&claims))).await;
    let refused = client.send(client.request(Method::GET, STREAM).bearer_auth(token("events:read"))).await;
    refused.problem(429);
    let last = stream.rest().await.pop();
    assert_eq!(last, Some(Block::Other(": the token has expired".to_owned())));
    let ticket =
        client.send(client.request(Method::POST, "/api/v1/realtime/ticket").bearer_auth(token("admin")));
    let ticket = ticket.await.ok()["ticket"].as_str().expect("a text").to_owned();
    let by_ticket = client.request(Method::GET, &format!("{STREAM}?ticket={ticket}"));
    drop(Stream::open(by_ticket).await);
    guarded.gateway.stop().await;
}

const EVENTS_OF_ALL: u32 = 600;

/// Reads a few events and goes away, again and again, until it has seen as many as there are.
async fn come_and_go(client: Client, number: u64) -> Vec<u64> {
    // A linear congruential generator: who goes when is the same in every run.
    let mut chance = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mut seen: Vec<u64> = Vec::new();
    while seen.len() < EVENTS_OF_ALL as usize {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let stay = 1 + (chance >> 33) % 80;
        let after = seen.last().copied().unwrap_or(0);
        let query = format!("?topics=load&overflow=disconnect&cursor={after}");
        if number.is_multiple_of(2) {
            let mut subscriber = subscribe(&client, &query).await;
            for _ in 0..stay.min(EVENTS_OF_ALL as u64 - seen.len() as u64) {
                seen.push(cursor(&subscriber.next().await));
            }
        } else {
            let mut stream = Stream::follow(&client, &query).await;
            for _ in 0..stay.min(EVENTS_OF_ALL as u64 - seen.len() as u64) {
                seen.push(stream.next().await.0.expect("an id"));
            }
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_that_come_and_go_see_every_event_once_and_in_order() {
    let gateway = Gateway::start().await;
    let mut clients = JoinSet::new();
    for number in 0..50 {
        clients.spawn(come_and_go(gateway.client.clone(), number));
    }
    let mut publishers = JoinSet::new();
    for part in 0..3 {
        let client = gateway.client.clone();
        publishers.spawn(async move {
            for batch in 0..20 {
                let from = part * 200 + batch * 10;
                publish(&client, "load", from..from + 10).await;
            }
        });
    }
    publishers.join_all().await;
    let log = gateway.client.get(&format!("{EVENTS}?type=load&limit=1000")).await.ok();
    let log: Vec<u64> = log["events"].as_array().expect("a list").iter().map(cursor).collect();
    assert_eq!(log.len(), EVENTS_OF_ALL as usize);
    for seen in clients.join_all().await {
        assert_eq!(seen, log);
    }
    gateway.stop().await;
}
