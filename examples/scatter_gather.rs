//! Scatter/gather of three services over HTTP: a page of a required profile, required orders and optional recommendations, while
//! all are well, while the recommendations hang, and while the orders fail; then the same three as typed futures.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use integridai_tower::fan_out::{
    Branch, BranchError, FanOut, FanOutOptions, GatherError, Gathered, JsonMerge, Route, gather,
};
use integridai_tower::{BoxError, client::transport::HyperTransport};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

const WELL: u8 = 0;
const HANGS: u8 = 1;
const FAILS: u8 = 2;

/// A service that answers with this, or behaves as it is told.
async fn start(answer: Value) -> Result<(String, Arc<AtomicU8>), BoxError> {
    let mode = Arc::new(AtomicU8::new(WELL));
    let respond = move |State(mode): State<Arc<AtomicU8>>| async move {
        match mode.load(Ordering::Relaxed) {
            HANGS => std::future::pending().await,
            FAILS => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "no database at 10.0.0.7"}))),
            _ => (StatusCode::OK, Json(answer)),
        }
    };
    let service = axum::Router::new().route("/", get(respond)).with_state(Arc::clone(&mode));
    let url = serve(service).await?;
    Ok((url, mode))
}

fn request(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).expect("the URL of a listener")
}

/// Asks for the page, prints what comes, and gives its status and body back.
async fn ask(url: &str) -> Result<(StatusCode, Value), BoxError> {
    let response = HyperTransport::new().oneshot(request(url).map(Full::new)).await?;
    let (head, body) = response.into_parts();
    let body = serde_json::from_slice(&body.collect().await?.to_bytes())?;
    println!("{}\n  Server-Timing: {}", head.status, head.headers["server-timing"].to_str()?);
    if let Some(missing) = head.headers.get("fan-out-missing") {
        println!("  Fan-Out-Missing: {}", missing.to_str()?);
    }
    println!("  {body}");
    Ok((head.status, body))
}

/// Serves on a port of loopback; gives the URL back.
async fn serve(router: axum::Router) -> Result<String, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let (profile_url, _) = start(json!({"name": "alice", "since": 2019})).await?;
    let (orders_url, orders_mode) = start(json!([{"id": 1}, {"id": 2}])).await?;
    let (advice_url, advice_mode) = start(json!(["a book", "a lamp"])).await?;

    // As a route: one request in, three out, one document back.
    let transport = HyperTransport::new();
    let [profile, orders, advice] = [&profile_url, &orders_url, &advice_url].map(|url| {
        let url = url.clone();
        move |_: &_, _: &_| request(&url)
    });
    let routes = (
        Route::required("profile", transport.clone()).prepare(profile).timeout(Duration::from_secs(5)),
        Route::required("orders", transport.clone()).prepare(orders).timeout(Duration::from_secs(5)),
        Route::optional("advice", transport.clone()).prepare(advice).timeout(Duration::from_millis(300)),
    );
    let page = FanOut::new(routes, FanOutOptions::new(JsonMerge::members().flatten("profile")))?;

    let page = serve(axum::Router::new().route_service("/", page)).await?;

    let (status, body) = ask(&page).await?;
    assert_eq!(
        (status, &body["name"], &body["advice"][0]),
        (StatusCode::OK, &json!("alice"), &json!("a book"))
    );

    advice_mode.store(HANGS, Ordering::Relaxed);
    let (status, body) = ask(&page).await?;
    assert_eq!(
        (status, &body["advice"], &body["missing"]),
        (StatusCode::OK, &Value::Null, &json!(["advice"]))
    );

    orders_mode.store(FAILS, Ordering::Relaxed);
    let (status, body) = ask(&page).await?;
    assert_eq!(
        (status, &body["detail"]),
        (StatusCode::BAD_GATEWAY, &json!("orders gave an answer that cannot be used."))
    );

    // As typed futures: a tuple comes back.
    orders_mode.store(WELL, Ordering::Relaxed);
    let Gathered { values: (profile, orders, advice), outcomes } =
        typed(&profile_url, &orders_url, &advice_url).await?;
    println!("{} has {} orders", profile["name"], orders.as_array().map_or(0, Vec::len));
    assert!(matches!(advice, Err(BranchError::TimedOut)));
    assert_eq!(outcomes.missing().count(), 1);
    Ok(())
}

type Page = (Value, Value, Result<Value, BranchError<BoxError>>);

async fn typed(profile: &str, orders: &str, advice: &str) -> Result<Gathered<Page>, GatherError> {
    gather((
        Branch::required("profile", fetch(profile)),
        Branch::required("orders", fetch(orders)),
        Branch::optional("advice", fetch(advice)).timeout(Duration::from_millis(300)),
    ))
    .await
}

async fn fetch(url: &str) -> Result<Value, BoxError> {
    let response = HyperTransport::new().oneshot(request(url).map(Full::new)).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}
