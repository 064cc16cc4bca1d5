//! A caching reverse proxy over plain hyper: `caching_proxy http://127.0.0.1:8000 127.0.0.1:8001`. Without arguments it shows
//! a hit with an origin of its own, and ends.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::convert::Infallible;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header::HOST};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use integridai_tower::BoxError;
use integridai_tower::cache::{Cache, CacheBody, CacheLayer, MemoryStore};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceExt};

/// Sends requests to the origin as they are.
#[derive(Clone)]
struct Forward {
    client: Client<HttpConnector, Incoming>,
    origin: Authority,
}

impl Service<Request<Incoming>> for Forward {
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = hyper_util::client::legacy::ResponseFuture;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let mut uri = request.uri().clone().into_parts();
        let host = uri.authority.replace(self.origin.clone());
        uri.scheme = Some(http::uri::Scheme::HTTP);
        uri.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        // The host of an absolute target outdoes the field (RFC 9112 §3.2.2).
        if let Some(host) = host.and_then(|host| HeaderValue::try_from(host.as_str()).ok()) {
            request.headers_mut().insert(HOST, host);
        }
        self.client.request(request)
    }
}

async fn answer(
    proxy: Cache<Forward>,
    request: Request<Incoming>,
) -> Result<Response<CacheBody<Incoming>>, Infallible> {
    Ok(proxy.oneshot(request).await.unwrap_or_else(|_| {
        let mut response = Response::new(CacheBody::default());
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    }))
}

async fn proxy(origin: Authority, listener: TcpListener) -> Result<(), BoxError> {
    // A connection of its own for each request: one that is kept may be closed just as the next request is sent.
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .build_http();
    let layer = CacheLayer::new(MemoryStore::new(256 << 20)?).spawn_with(|work| drop(tokio::spawn(work)));
    let proxy = layer.layer(Forward { client, origin });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let proxy = proxy.clone();
        let service = service_fn(move |request| answer(proxy.clone(), request));
        tokio::spawn(async move {
            // A connection that breaks is the client's affair, or the origin's that broke off.
            let mut server = http1::Builder::new();
            let _ = server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn greet(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, http::Error> {
    println!("the origin is asked for {}", request.uri());
    Response::builder().header("cache-control", "max-age=60").body(Full::new(Bytes::from("hello\n")))
}

async fn origin(listener: TcpListener) -> Result<(), BoxError> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(greet)));
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    if let (Some(origin), Some(listen)) = (arguments.next(), arguments.next()) {
        let origin = origin.parse::<Uri>()?.into_parts().authority.ok_or("the origin has no host")?;
        return proxy(origin, TcpListener::bind(listen).await?).await;
    }
    let (behind, before) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let url = format!("http://{}/greeting", before.local_addr()?);
    tokio::spawn(proxy(behind.local_addr()?.to_string().parse()?, before));
    tokio::spawn(origin(behind));
    let client = reqwest::Client::builder().no_proxy().build()?;
    for _ in 0..2 {
        let response = client.get(&url).send().await?;
        println!("{}: {:?}", response.status(), response.headers()["cache-status"]);
    }
    Ok(())
}
