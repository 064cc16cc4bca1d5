//! One connection, driven by whoever waits for its answer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::BoxError;

/// Both ends of hyper's connection: the one that takes requests, and the one that reads and writes.
pub(super) struct Link<B: Body + 'static> {
    requests: SendRequest<B>,
    /// Hyper has no name for a connection that may leave HTTP. Nobody ever waits for the lock: a body that has a link is polled by
    /// one at a time, and may be shared.
    connection: Mutex<Pin<Box<Driven>>>,
    is_over: bool,
}

type Driven = dyn Future<Output = hyper::Result<()>> + Send;

/// Why there is no answer.
pub(super) enum Unanswered<B> {
    /// The connection had ended before it took the request.
    Unsent(Box<Request<B>>, hyper::Error),
    /// The request was, or may have been, on its way.
    Broken(hyper::Error),
}

impl<B> Link<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    pub(super) async fn open(socket: TokioIo<TcpStream>) -> hyper::Result<Self> {
        let (requests, connection) = http1::handshake(socket).await?;
        let connection: Pin<Box<Driven>> = Box::pin(connection.with_upgrades());
        Ok(Self { requests, connection: Mutex::new(connection), is_over: false })
    }

    /// Reads and writes what can be.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        if !self.is_over {
            // What ended it is told to those who wait for an answer or a body.
            let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
            self.is_over = connection.as_mut().poll(context).is_ready();
        }
    }

    /// Whether it can take a request: the one before is answered, and it is still open.
    pub(super) fn poll_free(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context);
        !self.is_over && self.requests.is_ready()
    }

    pub(super) async fn is_free(&mut self) -> bool {
        poll_fn(|context| Poll::Ready(self.poll_free(context))).await
    }

    pub(super) async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, Unanswered<B>> {
        let mut answer = pin!(self.requests.try_send_request(request));
        let answer = poll_fn(|context| {
            self.drive(context);
            answer.as_mut().poll(context)
        });
        answer.await.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::Unsent(request.into(), error.into_error()),
            None => Unanswered::Broken(error.into_error()),
        })
    }
}
