//! One connection, driven by whoever waits for its answer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::BoxError;

/// Both ends of hyper's connection: the one that takes requests, and the one that reads and writes.
pub(super) struct Link<B: Body + 'static> {
    requests: SendRequest<B>,
    connection: Connection<TokioIo<TcpStream>, B>,
    is_over: bool,
}

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
        Ok(Self { requests, connection, is_over: false })
    }

    /// Reads and writes what can be.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        if !self.is_over {
            // What ended it is told to those who wait for an answer or a body.
            self.is_over = Pin::new(&mut self.connection).poll(context).is_ready();
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
