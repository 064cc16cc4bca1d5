//! hyper-util's pooled client.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::TransportError;

type Pool = Client<HttpConnector, Full<Bytes>>;

/// Pooled HTTP/1.1 connections without TLS: the least that a call can cost.
///
/// Connections are kept for 30 s of idleness, at most 256 for each host. A connection that cannot be made within
/// 2 s counts as none. The connections' tasks run on the tokio runtime that sends the call.
#[derive(Clone, Debug)]
pub struct HyperTransport {
    pool: Pool,
}

impl HyperTransport {
    /// A pool with the defaults above.
    #[must_use]
    pub fn new() -> Self {
        Self::with_connect_timeout(Duration::from_secs(2))
    }

    /// A pool that waits this long for a connection.
    #[must_use]
    pub fn with_connect_timeout(timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeout));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(Duration::from_secs(30)));
        let pool = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(256)
            .build(connector);
        Self { pool }
    }
}

impl Default for HyperTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl Service<Request<Full<Bytes>>> for HyperTransport {
    type Response = <Pool as Service<Request<Full<Bytes>>>>::Response;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        ResponseFuture { exchange: self.pool.request(request) }
    }
}

pin_project! {
    /// The response to come.
    #[derive(Debug)]
    pub struct ResponseFuture {
        #[pin]
        exchange: legacy::ResponseFuture,
    }
}

impl Future for ResponseFuture {
    type Output = Result<<Pool as Service<Request<Full<Bytes>>>>::Response, TransportError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().exchange.poll(context).map_err(|error| {
            if error.is_connect() {
                TransportError::Connect(error.into())
            } else {
                TransportError::Exchange(error.into())
            }
        })
    }
}
