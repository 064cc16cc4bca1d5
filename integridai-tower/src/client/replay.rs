//! Bodies that can be sent twice.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::Deadline;

/// A request body of which there may be another one with the same content.
///
/// Whatever can be cloned is replayed by its clone: `Full<Bytes>`, `Empty`, `String`. A stream is sent [`Once`].
pub trait Replay: Sized {
    /// A body that sends the same, or `None` where this one can be sent only once.
    fn replay(&self) -> Option<Self>;
}

impl<B: Clone> Replay for B {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }
}

pin_project! {
    /// A body that is sent once, such as a stream: a request with it is not repeated.
    #[derive(Debug)]
    pub struct Once<B> {
        #[pin]
        body: B,
    }
}

impl<B> Once<B> {
    /// This body, and no other like it.
    pub fn new(body: B) -> Self {
        Self { body }
    }
}

impl<B> Replay for Once<B> {
    fn replay(&self) -> Option<Self> {
        None
    }
}

impl<B: Body> Body for Once<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request that is kept for another attempt, which mostly is not made.
#[derive(Debug)]
pub(super) struct Spare<B> {
    request: Request<B>,
    /// The request's only extension, where it has no other: it is put back when the request is sent, since a copy of the
    /// extensions costs three allocations each time.
    deadline: Option<Deadline>,
}

impl<B: Replay> Spare<B> {
    /// The same request again, if its body can be.
    pub(super) fn of(request: &Request<B>) -> Option<Self> {
        let mut copy = Request::new(request.body().replay()?);
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        *copy.version_mut() = request.version();
        copy.headers_mut().clone_from(request.headers());
        let deadline = request.extensions().get().copied().filter(|_| request.extensions().len() == 1);
        if deadline.is_none() {
            copy.extensions_mut().clone_from(request.extensions());
        }
        Some(Self { request: copy, deadline })
    }
}

impl<B> Spare<B> {
    /// As it was.
    pub(super) fn into_request(mut self) -> Request<B> {
        if let Some(deadline) = self.deadline {
            self.request.extensions_mut().insert(deadline);
        }
        self.request
    }
}
