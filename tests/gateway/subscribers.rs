//! Subscribers that do not read, do not answer, or leave without a word.

use http::Method;
use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::raw::Raw;
use crate::support::requests::training;
use crate::support::stream::EVENTS as EVENTS_PATH;
use crate::support::subscriber::Subscriber;
use crate::support::until;

/// More than all buffers on the way to a client hold.
const EVENTS: usize = 200;
const EVENT_BYTES: usize = 60_000;

/// Sends large events, each of which reaches this subscriber before the next.
async fn flood(gateway: &Gateway, reader: &mut Subscriber) {
    let mut request = training();
    request["payload"]["training_session"]["notes"] = json!("n".repeat(EVENT_BYTES));
    for number in 0..EVENTS {
        request["payload"]["training_session"]["number"] = json!(number);
        gateway.client.execute(&request).await.ok();
        let event = reader.event("training_progress").await;
        assert_eq!(event["data"]["session"]["number"], number);
    }
}

#[tokio::test]
async fn one_that_never_reads_holds_nobody_back_and_is_told_what_it_missed() {
    let gateway = Gateway::with(&[("REALTIME__MAX_PENDING_EVENTS", "4")]).await;
    let mut sleeper = Raw::subscribe(gateway.address()).await;
    let mut reader = Subscriber::start(&gateway.client).await;
    flood(&gateway, &mut reader).await;
    let mut woken = Vec::new();
    let told = |read: &[u8]| read.windows(13).any(|window| window == b"events_missed");
    while !told(&woken) {
        let more = sleeper.some().await;
        assert!(!more.is_empty(), "it was disconnected after {} bytes", woken.len());
        // The alert may lie across two reads; earlier ones cannot matter.
        woken.drain(..woken.len().saturating_sub(1_000));
        woken.extend(more);
    }
    drop(reader);
    drop(sleeper);
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_takes_nothing_for_the_idle_time_loses_its_place() {
    let gateway = Gateway::with(&[
        ("REALTIME__MAX_SUBSCRIBERS", "2"),
        ("REALTIME__IDLE_TIMEOUT_SECONDS", "5"),
        ("REALTIME__PING_INTERVAL_SECONDS", "4.9"),
    ])
    .await;
    let sleeper = Raw::subscribe(gateway.address()).await;
    let mut reader = Subscriber::start(&gateway.client).await;
    assert_eq!(Subscriber::connect(gateway.address()).await.err(), Some(503));
    flood(&gateway, &mut reader).await;
    until("the sleeper's place", async || Subscriber::connect(gateway.address()).await.ok()).await;
    drop(reader);
    drop(sleeper);
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_answers_no_ping_is_told_goodbye() {
    let gateway = Gateway::with(&[
        ("REALTIME__PING_INTERVAL_SECONDS", "0.05"),
        ("REALTIME__IDLE_TIMEOUT_SECONDS", "0.2"),
    ])
    .await;
    let mut mute = Raw::subscribe(gateway.address()).await;
    let said = mute.rest().await;
    let goodbye = [&[0x88, 20][..], &1008_u16.to_be_bytes(), b"no answer to pings"].concat();
    assert!(said.ends_with(&goodbye), "{:?}", String::from_utf8_lossy(&said));
    drop(mute);
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_answers_pings_stays() {
    let gateway = Gateway::with(&[
        ("REALTIME__PING_INTERVAL_SECONDS", "0.05"),
        ("REALTIME__IDLE_TIMEOUT_SECONDS", "3"),
        ("REALTIME__METRICS_INTERVAL_SECONDS", "0.5"),
    ])
    .await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    for _ in 0..8 {
        assert_eq!(subscriber.next().await["type"], "metrics_update");
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_leaves_without_a_word_gives_its_place_back() {
    let gateway = Gateway::with(&[("REALTIME__MAX_SUBSCRIBERS", "1")]).await;
    for _ in 0..20 {
        let place = || async { Subscriber::connect(gateway.address()).await.ok() };
        let dropped = until("a place for one that will vanish", async || place().await).await;
        drop(dropped);
        let mut polite = until("a place for one that says goodbye", async || place().await).await;
        polite.leave().await;
    }
    until("a place after all of them", async || Subscriber::connect(gateway.address()).await.ok()).await;
    gateway.stop().await;
}

/// Publishes large events, each of which reaches this subscriber before the next; their cursors.
async fn publish_large(gateway: &Gateway, reader: &mut Subscriber) -> Vec<u64> {
    let data = "n".repeat(EVENT_BYTES);
    let mut cursors = Vec::new();
    for number in 0..EVENTS {
        let event = json!({"type": "load", "source": "tests", "data": [number, data]});
        let answer =
            gateway.client.send(gateway.client.request(Method::POST, EVENTS_PATH).json(&event)).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let event = reader.event("load").await;
        assert_eq!(event["data"][0], number);
        cursors.push(event["cursor"].as_u64().expect("a number"));
    }
    cursors
}

/// Reads until these bytes have come; all that came.
async fn read_until(sleeper: &mut Raw, wanted: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    let mut searched = 0;
    while !read[searched..].windows(wanted.len()).any(|window| window == wanted) {
        searched = read.len().saturating_sub(wanted.len());
        let more = sleeper.some().await;
        assert!(!more.is_empty(), "it was disconnected after {} bytes", read.len());
        read.extend(more);
    }
    read
}

#[tokio::test]
async fn one_that_is_disconnected_for_being_slow_goes_on_where_it_left() {
    let gateway = Gateway::with(&[("REALTIME__MAX_PENDING_EVENTS", "4")]).await;
    let mut sleeper = Raw::subscribe_to(gateway.address(), "?topics=load&overflow=disconnect").await;
    let mut reader = Subscriber::start(&gateway.client).await;
    let published = publish_large(&gateway, &mut reader).await;
    let said = sleeper.rest().await;
    let marker = b"too slow; go on after cursor ";
    let at = said.windows(marker.len()).position(|window| window == marker).expect("a goodbye");
    assert_eq!(said[at - 2..at], 4429_u16.to_be_bytes());
    let cursor = std::str::from_utf8(&said[at + marker.len()..]).expect("digits are the last that is said");
    let seen = published.iter().position(|published| published.to_string() == cursor).expect("an event");
    assert!(seen + 1 < EVENTS, "it was too slow");
    let query = format!("?topics=load&overflow=disconnect&cursor={cursor}");
    let mut again = Subscriber::open(gateway.address(), &query, None).await.expect("a place");
    for expected in &published[seen + 1..] {
        assert_eq!(again.next().await["cursor"].as_u64(), Some(*expected));
    }
    drop((reader, again));
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_conflates_gets_the_newest_of_each_kind_and_nothing_of_a_gap() {
    let gateway = Gateway::with(&[("REALTIME__MAX_PENDING_EVENTS", "4")]).await;
    let mut sleeper = Raw::subscribe_to(gateway.address(), "?topics=load,last&overflow=conflate").await;
    let mut reader = Subscriber::start(&gateway.client).await;
    publish_large(&gateway, &mut reader).await;
    let last = json!({"type": "last", "source": "tests"});
    gateway.client.send(gateway.client.request(Method::POST, EVENTS_PATH).json(&last)).await;
    let read = read_until(&mut sleeper, br#"{"type":"last""#).await;
    let count = |text: &[u8]| read.windows(text.len()).filter(|window| *window == text).count();
    let loads = count(br#"{"type":"load""#);
    assert!((1..EVENTS).contains(&loads), "{loads} of {EVENTS}");
    assert_eq!(
        count(format!(r#"{{"type":"load","data":[{},"#, EVENTS - 1).as_bytes()),
        1,
        "the newest is there"
    );
    assert_eq!(count(b"events_missed"), 0);
    drop((reader, sleeper));
    gateway.stop().await;
}
