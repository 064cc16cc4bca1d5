use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Outcome;
use super::observer::Observe;
use super::recording::Recording;

pin_project! {
    /// A request's body that counts the bytes which are read from it.
    #[derive(Debug)]
    pub struct CountedBody<B> {
        #[pin]
        body: B,
        read: Option<Arc<AtomicU64>>,
    }
}

impl<B: Body> CountedBody<B> {
    /// The body and its counter; none where there is nothing to count.
    pub(super) fn new(body: B) -> (Self, Option<Arc<AtomicU64>>) {
        let read = (!body.is_end_stream()).then(Arc::default);
        (Self { body, read: read.clone() }, read)
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(context));
        if let (Some(Ok(frame)), Some(read)) = (&frame, this.read) {
            read.fetch_add(data_length(frame) as u64, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pin_project! {
    /// A response's body whose end is the end of the exchange.
    #[derive(Debug)]
    pub struct ObservedBody<B, O: Observe> {
        #[pin]
        body: B,
        recording: Recording<O>,
    }
}

impl<B, O: Observe> ObservedBody<B, O> {
    pub(super) fn new(body: B, recording: Recording<O>) -> Self {
        Self { body, recording }
    }
}

impl<B: Body, O: Observe> Body for ObservedBody<B, O> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                this.recording.add_response_bytes(data_length(frame));
                // A server that sees the end coming does not poll for it.
                if this.body.is_end_stream() {
                    this.recording.end(Outcome::Completed);
                }
            }
            Some(Err(_)) => this.recording.end(Outcome::BodyFailed),
            None => this.recording.end(Outcome::Completed),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn data_length<D: Buf>(frame: &Frame<D>) -> usize {
    frame.data_ref().map_or(0, Buf::remaining)
}
