use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::counters::Counts;

pin_project! {
    /// The future of [`RefusalsCounted`](super::RefusalsCounted).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        answer: F,
        counts: Arc<Counts>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(answer: F, counts: Arc<Counts>) -> Self {
        Self { answer, counts }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(context));
        if let Ok(response) = &answer {
            this.counts.count(response.extensions());
        }
        Poll::Ready(answer)
    }
}
