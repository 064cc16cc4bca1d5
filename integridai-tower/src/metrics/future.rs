use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::counters::Counters;
use crate::Refused;

pin_project! {
    /// The future of [`RefusalsCounted`](super::RefusalsCounted).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        answer: F,
        counters: Arc<Counters>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(answer: F, counters: Arc<Counters>) -> Self {
        Self { answer, counters }
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
        if let Ok(response) = &answer
            && let Some(refused) = response.extensions().get::<Refused>()
        {
            this.counters.count(*refused);
        }
        Poll::Ready(answer)
    }
}
