//! An axum server behind a proxy: ten requests a minute for each client, whatever it writes into `X-Forwarded-For`.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use integridai_tower::BoxError;
use integridai_tower::rate_limit::{
    ByClientAddress, Fields, Forwarding, MemoryLimiter, Quota, RateLimitLayer,
};
use reqwest::{Response, StatusCode};

fn app() -> Result<Router, BoxError> {
    let by_client = ByClientAddress::new(|request| {
        request.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
    })
    // Only these may say for whom they ask. Here the client plays the proxy, so it is the loopback network.
    .behind(["127.0.0.0/8", "10.0.0.0/8"], Forwarding::XForwardedFor)?;

    // A steady ten a minute, no more than three at once.
    let limiter = MemoryLimiter::new([Quota::per_minute(10).burst(3)])?;
    let limit = RateLimitLayer::new(limiter, by_client)
        .exempt_if(|request| request.uri.path() == "/livez")
        .fields(Fields::StandardAndLegacy);

    Ok(Router::new()
        .route("/report", get(async || "a report"))
        .route("/livez", get(async || "alive"))
        .layer(limit))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let service = app()?.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await });

    let client = reqwest::Client::builder().no_proxy().build()?;
    let ask = async |path: &str, forwarded_for: &str| -> Result<Response, BoxError> {
        let request = client.get(format!("{url}{path}")).header("x-forwarded-for", forwarded_for);
        let response = request.send().await?;
        let told = ["ratelimit", "retry-after"].map(|name| response.headers().get(name));
        println!("{path} for {forwarded_for}: {} {told:?}", response.status());
        Ok(response)
    };

    for _ in 0..3 {
        assert_eq!(ask("/report", "203.0.113.7").await?.status(), StatusCode::OK);
    }
    let refused = ask("/report", "203.0.113.7").await?;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "6");
    println!("{}", refused.text().await?);

    // Whatever a client puts before its address changes nothing: the proxy appends the address that it sees.
    assert_eq!(ask("/report", "6.6.6.6, 203.0.113.7").await?.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask("/report", "203.0.113.8").await?.status(), StatusCode::OK);
    assert_eq!(ask("/livez", "203.0.113.7").await?.status(), StatusCode::OK);
    Ok(())
}
