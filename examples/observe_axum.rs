//! One line per exchange of an axum server, however the exchange ends.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::routing::get;
use http::request;
use integridai_tower::BoxError;
use integridai_tower::observe::{CountedBody, Exchange, ObserveLayer};
use tokio::sync::mpsc;
use tower::ServiceBuilder;

/// A stand-in for the path whose number of values is bounded.
fn route(request: &request::Parts) -> Option<Arc<str>> {
    request.extensions.get::<MatchedPath>().map(|path| path.as_str().into())
}

fn line(exchange: &Exchange) -> String {
    let status = exchange.status.map_or("-".to_owned(), |status| status.as_str().to_owned());
    let route = exchange.route.as_deref().unwrap_or("unmatched");
    format!(
        "{} {route} {status} {} {:?} in={} out={}",
        exchange.method,
        exchange.outcome.as_str(),
        exchange.duration,
        exchange.request_bytes,
        exchange.response_bytes
    )
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let observe = ObserveLayer::new(move |exchange: &Exchange| {
        // It only fails once this program has stopped reading.
        let _ = sender.send(line(exchange));
    });
    let layers = ServiceBuilder::new()
        .layer(observe.route_by(route))
        // axum wants its own body type back.
        .map_request(|request: http::Request<CountedBody<axum::body::Body>>| {
            request.map(axum::body::Body::new)
        });
    let app = Router::new()
        .route("/greet/{name}", get(async |request: Request| format!("hello from {}", request.uri().path())))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(3600)).await))
        .layer(layers);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    let client = reqwest::Client::builder().no_proxy().build()?;
    client.get(format!("{url}/greet/ada")).send().await?.text().await?;
    client.post(format!("{url}/greet/ada")).body("not allowed").send().await?;
    client.get(format!("{url}/nowhere")).send().await?;
    let impatient = client.get(format!("{url}/slow")).timeout(Duration::from_millis(100)).send();
    println!("the client gives up: {}", impatient.await.is_err());
    for _ in 0..4 {
        println!("{}", lines.recv().await.ok_or("the layer is gone")?);
    }
    Ok(())
}
