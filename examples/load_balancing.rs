//! Three replicas of a service over real connections: one is slow, one fails for a while. Who gets how many calls?
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http::uri::Authority;
use http_body_util::Full;
use integridai_tower::BoxError;
use integridai_tower::client::balance::{AddressState, AtAddress, BalanceOptions, Balancer, HealthOptions};
use integridai_tower::client::transport::HyperTransport;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tower::ServiceExt;

type Replicas = Balancer<Authority, AtAddress<HyperTransport>>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let is_down = Arc::new(AtomicBool::new(false));
    let fast = replica(Duration::from_millis(2), Arc::default()).await?;
    let slow = replica(Duration::from_millis(40), Arc::default()).await?;
    let fickle = replica(Duration::from_millis(2), Arc::clone(&is_down)).await?;

    let transport = HyperTransport::new();
    let balancer = BalanceOptions::new().consecutive_failures(3).eject_for(Duration::from_secs(60)).build(
        "reports",
        [fast, slow, fickle],
        move |address| AtAddress::new(transport.clone(), address.clone()),
    )?;

    // Nothing is checked unless somebody drives this future.
    let health = HealthOptions::new().interval(Duration::from_millis(20)).fall(2).rise(2);
    let checks = tokio::spawn(balancer.check_health(health, |_| ask("/health"))?);

    call(&balancer, 300).await;
    show("all are well", &balancer);
    let [fast, slow, fickle] = &balancer.snapshot()[..] else { return Err("three addresses".into()) };
    assert!(slow.calls < 30 && fast.calls > 60 && fickle.calls > 60);

    is_down.store(true, Ordering::Relaxed);
    let failed = call(&balancer, 300).await;
    until(|| balancer.snapshot()[2].state == AddressState::Unhealthy).await;
    show("one fails", &balancer);
    assert!(failed <= 10, "{failed} calls failed before it was left out");

    is_down.store(false, Ordering::Relaxed);
    until(|| balancer.snapshot()[2].state == AddressState::Available).await;
    show("it is well again", &balancer);
    checks.abort();
    Ok(())
}

/// A server that takes so long, and answers 500 while it is down.
async fn replica(takes: Duration, is_down: Arc<AtomicBool>) -> Result<Authority, BoxError> {
    let answer = move || async move {
        sleep(takes).await;
        let is_down = is_down.load(Ordering::Relaxed);
        if is_down { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
    };
    let router = Router::new().route("/report", get(answer.clone())).route("/health", get(answer));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(Authority::try_from(address)?)
}

fn ask(path: &str) -> Request<Full<Bytes>> {
    let request = Request::get(format!("http://reports{path}")).body(Full::default());
    request.expect("a path makes a target")
}

/// So many calls one after the other; how many of them failed.
async fn call(balancer: &Replicas, times: usize) -> usize {
    let mut failed = 0;
    for _ in 0..times {
        let answer = balancer.service().oneshot(ask("/report")).await;
        failed += usize::from(answer.is_ok_and(|answer| answer.status().is_server_error()));
    }
    failed
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        sleep(Duration::from_millis(5)).await;
    }
}

fn show(when: &str, balancer: &Replicas) {
    println!("{when}:");
    for address in balancer.snapshot() {
        let time = address.usual_time.unwrap_or_default();
        println!(
            "  {:<16} {:>4} calls, {:>2} failed, {time:>6.1?} each, {:?}",
            address.address.as_str(),
            address.calls,
            address.failures,
            address.state
        );
    }
}
