//! A resilient reqwest client in 20 lines, against a local server that fails, hangs and asks for patience.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use integridai_tower::Attempts;
use integridai_tower::BoxError;
use integridai_tower::circuit_breaker::{CircuitBreakerLayer, CircuitOptions};
use integridai_tower::client::AttemptBudget;
use integridai_tower::client::deadline::DeadlineLayer;
use integridai_tower::client::hedge::{HedgeOptions, Hedged};
use integridai_tower::client::retry::RetryLayer;
use integridai_tower::client::transport::ReqwestTransport;
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = start_server().await?;

    // Two seconds for all of a call, half a second for each attempt. So few calls have no second attempts unless told.
    let hedge = HedgeOptions::new().budget(AttemptBudget::new(0.05, 1, Duration::from_secs(10))?).build()?;
    let client = ServiceBuilder::new()
        .layer(DeadlineLayer::new(Duration::from_secs(2)).without_fields())
        .layer(RetryLayer::default())
        .layer(hedge)
        .layer(CircuitBreakerLayer::new(CircuitOptions::new().build("shop")?))
        .layer(DeadlineLayer::new(Duration::from_millis(500)))
        .service(ReqwestTransport::new(reqwest::Client::builder().no_proxy().build()?));

    for path in ["/well", "/fails-once", "/hangs-once", "/is-busy", "/is-broken", "/hangs"] {
        let request = Request::get(format!("{url}{path}")).body(Full::<Bytes>::default())?;
        let start = Instant::now();
        match client.clone().oneshot(request).await {
            Ok(response) => {
                let (status, attempts) = (response.status(), Attempts::of(response.extensions()).count());
                let hedged = if response.extensions().get::<Hedged>().is_some() { ", hedged" } else { "" };
                let body = response.into_body().collect().await?.to_bytes();
                let text = String::from_utf8_lossy(&body);
                println!(
                    "{path:<12} {:>5.0?}  {status} {text:?}, attempts: {attempts}{hedged}",
                    start.elapsed()
                );
            }
            Err(error) => println!("{path:<12} {:>5.0?}  {error}", start.elapsed()),
        }
    }
    Ok(())
}

async fn start_server() -> Result<String, BoxError> {
    let requests = Arc::new([const { AtomicU32::new(0) }; 3]);
    let is_first = move |of: usize| requests[of].fetch_add(1, Ordering::Relaxed) == 0;
    let [fails, hangs, busy] = [(); 3].map(|()| is_first.clone());
    let router = Router::new()
        .route("/well", get(left))
        .route(
            "/fails-once",
            get(async move || if fails(0) { StatusCode::BAD_GATEWAY } else { StatusCode::OK }),
        )
        .route("/hangs-once", get(async move || if hangs(1) { hang().await } else { StatusCode::OK }))
        .route("/is-busy", get(async move || if busy(2) { later() } else { StatusCode::OK.into_response() }))
        .route("/is-broken", get(async || StatusCode::NOT_IMPLEMENTED))
        .route("/hangs", get(hang));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(url)
}

/// What the service is told of the time that is left.
async fn left(headers: HeaderMap) -> String {
    format!("{} ms", headers["x-request-deadline"].to_str().unwrap_or_default())
}

async fn hang() -> StatusCode {
    std::future::pending().await
}

fn later() -> Response {
    (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response()
}
