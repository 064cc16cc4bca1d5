//! A body that ends in time or with an error.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};

use super::{Bound, DeadlinePassed};
use crate::BoxError;

pin_project! {
    /// The body of a response that [`DeadlineService`](super::DeadlineService) handed on. One that has to be waited for
    /// beyond the deadline ends with [`DeadlinePassed`] as its error; errors of the body itself are handed on.
    #[derive(Debug)]
    pub struct DeadlineBody<B> {
        #[pin]
        body: B,
        // In a box of its own, since bodies are moved from layer to layer and most never need it.
        timer: Option<Pin<Box<Sleep>>>,
        bound: Option<Bound>,
        has_passed: bool,
    }
}

impl<B> DeadlineBody<B> {
    pub(super) fn new(body: B, bound: Option<Bound>) -> Self {
        Self { body, timer: None, bound, has_passed: false }
    }
}

/// An empty body, which layers of other crates ask for that answer by themselves.
impl<B: Default> Default for DeadlineBody<B> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B> Body for DeadlineBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    // Bodies of boxed errors are common, and a boxed error inside of another type would be no error any more.
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let this = self.project();
        if *this.has_passed {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = this.body.poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let Some(bound) = this.bound else { return Poll::Pending };
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(bound.deadline.instant())));
        timer.as_mut().poll(context).map(|()| {
            *this.has_passed = true;
            Some(Err(DeadlinePassed::new(bound.given).into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.has_passed || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
