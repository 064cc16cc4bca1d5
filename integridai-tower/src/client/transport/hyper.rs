//! hyper's HTTP/1.1 connections, kept in a pool.

mod body;
mod link;
mod pool;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri};
use http_body::Body;
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

pub use self::body::PooledBody;
use self::link::{Link, Unanswered};
use self::pool::Pool;
use super::TransportError;
use crate::BoxError;

/// Pooled HTTP/1.1 connections without TLS: the least that a call can cost.
///
/// Connections are kept for 30 s of idleness, at most 256 for each host. A connection that cannot be made within
/// 2 s counts as none. A call that finds a kept connection closed takes another one.
///
/// No task runs beside the calls: a connection is driven by whoever waits for its answer. So a kept connection
/// that the service closed, or whose time is over, is let go when the pool is next used. It belongs to the tokio
/// runtime that made it: use a transport of its own for each runtime.
///
/// Requests carry `Full<Bytes>` unless [`for_bodies`](HyperTransport::for_bodies) makes one that carries another body, such as a
/// stream. A streamed body is read as the service takes it, and on while its answer is read.
///
/// An answer `101 Switching Protocols` to a request that asked for it has a `hyper::upgrade::OnUpgrade` among its extensions, with
/// which `hyper::upgrade::on` gets the connection; it never comes back to the pool.
pub struct HyperTransport<B: Body + 'static = Full<Bytes>> {
    connector: HttpConnector,
    pool: Arc<Pool<B>>,
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
        Self::for_bodies(timeout)
    }
}

impl<B: Body + 'static> HyperTransport<B> {
    /// A pool that waits this long for a connection, for requests with bodies of this type.
    #[must_use]
    pub fn for_bodies(connect_timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(connect_timeout));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(Duration::from_secs(30)));
        Self { connector, pool: Arc::default() }
    }
}

impl<B> HyperTransport<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn exchange(self, request: Request<B>) -> Result<Response<PooledBody<B>>, TransportError> {
        let (host, mut request) = address(request)?;
        while let Some(mut link) = self.pool.take(host.as_str()) {
            if !link.is_free().await {
                continue;
            }
            request = match link.send(request).await {
                Ok(response) => return Ok(PooledBody::wrap(response, link, self.pool, host).await),
                Err(Unanswered::Unsent(request, _)) => *request,
                Err(Unanswered::Broken(error)) => return Err(TransportError::Exchange(error.into())),
            };
        }
        let mut link = self.connect(&host).await?;
        match link.send(request).await {
            Ok(response) => Ok(PooledBody::wrap(response, link, self.pool, host).await),
            Err(Unanswered::Unsent(_, error) | Unanswered::Broken(error)) => {
                Err(TransportError::Exchange(error.into()))
            }
        }
    }

    async fn connect(&self, host: &Authority) -> Result<Box<Link<B>>, TransportError> {
        let uri = Uri::builder().scheme("http").authority(host.clone()).path_and_query("/").build();
        let uri = uri.map_err(|error| TransportError::Connect(error.into()))?;
        let mut connector = self.connector.clone();
        let connected = async {
            poll_fn(|context| connector.poll_ready(context)).await?;
            connector.call(uri).await
        };
        let socket = connected.await.map_err(|error| TransportError::Connect(error.into()))?;
        Link::open(socket).await.map(Box::new).map_err(|error| TransportError::Connect(error.into()))
    }
}

impl Default for HyperTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Body + 'static> Clone for HyperTransport<B> {
    fn clone(&self) -> Self {
        Self { connector: self.connector.clone(), pool: Arc::clone(&self.pool) }
    }
}

impl<B: Body + 'static> fmt::Debug for HyperTransport<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").field("connector", &self.connector).finish_non_exhaustive()
    }
}

/// Takes the host out of the target, where HTTP/1.1 has it in a header (RFC 9112 §3.2.1).
fn address<B>(mut request: Request<B>) -> Result<(Authority, Request<B>), TransportError> {
    let refuse = |reason: &'static str| TransportError::Invalid(BoxError::from(reason));
    if request.uri().scheme_str() != Some("http") {
        return Err(refuse("this transport is for http:// alone"));
    }
    let target = std::mem::take(request.uri_mut()).into_parts();
    let host = target.authority.ok_or_else(|| refuse("the target has no host"))?;
    let path = target.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    let is_default_port = host.port_u16() == Some(80);
    let name = if is_default_port { host.host() } else { host.as_str() };
    let name = HeaderValue::from_str(name).map_err(|error| TransportError::Invalid(error.into()))?;
    request.headers_mut().entry(HOST).or_insert(name);
    Ok((host, request))
}

impl<B> Service<Request<B>> for HyperTransport<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<PooledBody<B>>;
    type Error = TransportError;
    type Future = ResponseFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture(Box::pin(self.clone().exchange(request)))
    }
}

type Exchange<B> = dyn Future<Output = Result<Response<PooledBody<B>>, TransportError>> + Send;

/// The response to come.
pub struct ResponseFuture<B: Body + 'static = Full<Bytes>>(Pin<Box<Exchange<B>>>);

impl<B: Body + 'static> Future for ResponseFuture<B> {
    type Output = Result<Response<PooledBody<B>>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<B: Body + 'static> fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
