use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::counters::Counts;
use crate::cache_outcome::CacheOutcome;

pin_project! {
    /// The future of [`CacheOutcomesCounted`](super::CacheOutcomesCounted).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CacheOutcomesFuture<F> {
        #[pin]
        answer: F,
        counts: Arc<Counts>,
    }
}

impl<F> CacheOutcomesFuture<F> {
    pub(super) fn new(answer: F, counts: Arc<Counts>) -> Self {
        Self { answer, counts }
    }
}

impl<F, B, E> Future for CacheOutcomesFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(context));
        if let Ok(response) = &answer
            && let Some(outcome) = CacheOutcome::of(response.extensions())
        {
            this.counts.count(outcome, response.body().size_hint().exact());
        }
        Poll::Ready(answer)
    }
}
