//! Subscribers that do not read, do not answer, or leave without a word.

use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::raw::Raw;
use crate::support::requests::training;
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
