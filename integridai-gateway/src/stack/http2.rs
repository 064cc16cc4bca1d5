//! HTTP/2 without TLS and by prior knowledge (RFC 9113 §3.3), for services that speak it, such as gRPC's.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONNECTION, HOST};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use integridai_tower::client::transport::TransportError;
use tower::Service;

use super::outgoing::{ClientBodyError, Outgoing};

/// One connection for each host, shared by all calls.
#[derive(Debug, Clone)]
pub(super) struct Http2 {
    client: Client<HttpConnector, Content>,
}

/// What may wait to be taken of one answer: who does not read is not read for.
const STREAM_WINDOW: u32 = 128 * 1024;

/// Of all answers together, since those that nobody reads must not keep the others waiting.
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

impl Http2 {
    pub(super) fn new(connect_timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(connect_timeout));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .build(connector);
        Self { client }
    }
}

impl Service<Request<Outgoing>> for Http2 {
    type Response = Response<Incoming>;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Response<Incoming>, TransportError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Outgoing>) -> Self::Future {
        let failure = Failure::default();
        let of_content = failure.clone();
        let mut request = request.map(|content| Content { content, failure: of_content });
        // There is no connection whose fields would be named, and the authority is the target's (RFC 9113 §8.2.2, §8.3.1).
        request.headers_mut().remove(CONNECTION);
        request.headers_mut().remove(HOST);
        let answer = self.client.request(request);
        Box::pin(async move { answer.await.map_err(|error| told(error, &failure)) })
    }
}

/// A request whose content fails is reset, and the answer says nothing of why: that is kept here.
type Failure = Arc<Mutex<Option<ClientBodyError>>>;

/// What is sent, and what went wrong with it.
#[derive(Debug)]
struct Content {
    content: Outgoing,
    failure: Failure,
}

#[derive(Debug, thiserror::Error)]
#[error("the client's content did not come to its end")]
struct GivenUp;

impl http_body::Body for Content {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let frame = ready!(Pin::new(&mut self.content).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|error| {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                GivenUp
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

fn told(error: Error, failure: &Failure) -> TransportError {
    let of_client = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    match of_client {
        Some(of_client) => TransportError::Exchange(of_client.into()),
        None if error.is_connect() => TransportError::Connect(error.into()),
        None => TransportError::Exchange(error.into()),
    }
}
