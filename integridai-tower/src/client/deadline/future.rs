//! An answer that comes in time or not at all.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};

use super::{Bound, DeadlineBody, DeadlineError, DeadlinePassed, TooLate};

pin_project! {
    /// The future of [`DeadlineService`](super::DeadlineService).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProjection]
    enum State<F> {
        TooLate { error: TooLate },
        Called { #[pin] answer: F, #[pin] timer: Option<Sleep>, bound: Bound, bounds_body: bool },
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn too_late(error: TooLate) -> Self {
        Self { state: State::TooLate { error } }
    }

    pub(super) fn called(answer: F, bound: Bound, bounds_body: bool) -> Self {
        Self { state: State::Called { answer, timer: None, bound, bounds_body } }
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<T>, E>>,
{
    type Output = Result<Response<DeadlineBody<T>>, DeadlineError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::TooLate { error } => Poll::Ready(Err(DeadlineError::TooLate(*error))),
            StateProjection::Called { answer, mut timer, bound, bounds_body } => {
                if let Poll::Ready(answer) = answer.poll(context) {
                    let bound = bounds_body.then_some(*bound);
                    let answer = answer.map(|response| response.map(|body| DeadlineBody::new(body, bound)));
                    return Poll::Ready(answer.map_err(DeadlineError::Inner));
                }
                // An answer that is there at once needs no timer.
                if timer.is_none() {
                    timer.set(Some(sleep_until(bound.deadline.instant())));
                }
                let timer = timer.as_pin_mut().expect("it was set just now");
                timer.poll(context).map(|()| Err(DeadlineError::Passed(DeadlinePassed::new(bound.given))))
            }
        }
    }
}
