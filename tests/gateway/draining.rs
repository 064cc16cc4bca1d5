//! What a shutdown means to those who are connected.

use std::time::Duration;

use integridai_gateway::demo::Failure;
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::raw::Raw;
use crate::support::requests::{ANALYZE, analysis};
use crate::support::subscriber::Subscriber;
use crate::support::{until, within};

async fn refuses(address: std::net::SocketAddr) {
    until("the refusal of new connections", async || TcpStream::connect(address).await.err()).await;
}

#[tokio::test]
async fn a_request_under_way_finishes_and_nobody_new_gets_in() {
    let gateway = Gateway::start().await;
    let (client, address) = (gateway.client.clone(), gateway.address());
    let services = gateway.share_services();
    services.regtech.control().fail(Failure::hang().on(ANALYZE));
    let under_way = tokio::spawn(async move { client.execute(&analysis()).await });
    within(services.regtech.control().wait_until(|report| report.in_flight == 1)).await;
    let ended = gateway.begin_stop();
    refuses(address).await;
    assert!(!under_way.is_finished() && !ended.is_finished());
    within(services.regtech.stop()).await;
    let answer = within(under_way).await.expect("no panic");
    answer.failure(502, Some("complete_analysis"));
    let drained = within(ended).await.expect("no panic");
    assert_eq!(drained.aborted, 0, "{drained:?}");
}

#[tokio::test]
async fn a_request_that_outlives_the_grace_period_is_cut_with_its_upstream_call() {
    let gateway = Gateway::with(&[("SERVER__GRACE_SECONDS", "0.2")]).await;
    let services = gateway.share_services();
    services.regtech.control().fail(Failure::hang().on(ANALYZE));
    let mut raw = Raw::connect(gateway.address()).await;
    let body = analysis().to_string();
    raw.send(&format!(
        "POST /api/v1/gateway/execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    within(services.regtech.control().wait_until(|report| report.in_flight == 1)).await;
    let drained = within(gateway.begin_stop()).await.expect("no panic");
    assert_eq!(drained.aborted, 1, "{drained:?}");
    within(services.regtech.control().wait_until(|report| report.count(ANALYZE, "cancelled") == 1)).await;
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test]
async fn readyz_says_no_on_a_connection_that_is_still_open() {
    let gateway = Gateway::start().await;
    let address = gateway.address();
    let mut raw = Raw::connect(address).await;
    raw.send("GET /readyz HTTP/1.1\r\n").await;
    // A later connection that was served proves that the earlier one's bytes were read.
    for _ in 0..3 {
        assert_eq!(Client::new(address).get("/readyz").await.status, 200);
    }
    let ended = gateway.begin_stop();
    refuses(address).await;
    raw.send("host: localhost\r\n\r\n").await;
    let answer = String::from_utf8(raw.rest().await).expect("text");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("connection: close") && answer.contains("the gateway goes down"), "{answer}");
    assert_eq!(within(ended).await.expect("no panic").aborted, 0);
}

#[tokio::test]
async fn every_subscriber_is_told_goodbye() {
    let gateway = Gateway::start().await;
    let mut subscribers = Vec::new();
    for _ in 0..10 {
        subscribers.push(Subscriber::start(&gateway.client).await);
    }
    let ended = gateway.begin_stop();
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.closed().await, Some(1001));
    }
    within(ended).await.expect("no panic");
}

#[tokio::test]
async fn a_subscriber_that_does_not_answer_the_goodbye_does_not_hold_the_gateway() {
    let gateway = Gateway::start().await;
    let raw = Raw::subscribe(gateway.address()).await;
    tokio::time::timeout(Duration::from_secs(30), gateway.begin_stop())
        .await
        .expect("it ends")
        .expect("no panic");
    drop(raw);
}
