//! Calls that go out at no more than the pace their service allows: they wait for their turn, up to a bound.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use integridai_tower::BoxError;
use integridai_tower::client::transport::HyperTransport;
use integridai_tower::rate_limit::{Key, MemoryLimiter, Quota, ThrottleError, ThrottleLayer};
use tower::{ServiceBuilder, ServiceExt};

type Call = Request<Full<Bytes>>;

fn host(call: &Call) -> Key {
    Key::from(call.uri().authority().map_or("", |authority| authority.as_str()))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/prices", listener.local_addr()?);
    let app = Router::new().route("/prices", get(async || "42"));
    tokio::spawn(async { axum::serve(listener, app).await });

    // What the service allows: twenty a second, two at once. No call of ours waits longer than a quarter of a second.
    let limiter = MemoryLimiter::new([Quota::per_second(20).burst(2)])?;
    let client = ServiceBuilder::new()
        .layer(ThrottleLayer::new(limiter, host).wait_up_to(Duration::from_millis(250)))
        .service(HyperTransport::new());

    let start = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..12 {
        let call = client.clone().oneshot(Request::get(&url).body(Full::<Bytes>::default())?);
        calls.spawn(async move { (number, call.await.map(|response| response.status())) });
    }
    let (mut answered, mut limited) = (0, 0);
    while let Some(call) = calls.join_next().await {
        let (number, outcome) = call?;
        let after = start.elapsed();
        match outcome {
            Ok(status) => {
                assert_eq!(status, StatusCode::OK);
                answered += 1;
                println!("call {number} was answered after {after:.0?}");
            }
            Err(ThrottleError::Limited(verdict)) => {
                limited += 1;
                println!("call {number} was not made: it could go out in {:.0?}", verdict.retry_after());
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Two at once and one every 50 ms: a few more may go out where this machine was slow to ask.
    assert!(answered >= 7 && answered + limited == 12, "{answered} were answered");
    Ok(())
}
