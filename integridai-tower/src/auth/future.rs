use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::door::Passage;
use crate::{EarlyBody, EarlyResponse};

pin_project! {
    /// The future of [`Authenticated`](super::Authenticated).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, F> {
        #[pin]
        state: State<S, B, F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        Answer { #[pin] answer: EarlyResponse<F> },
        Undecided { passage: Pin<Box<dyn Future<Output = Passage> + Send>>, next: Option<(S, B)> },
    }
}

impl<S, B, F> ResponseFuture<S, B, F> {
    pub(super) fn inner(answer: F) -> Self {
        Self { state: State::Answer { answer: EarlyResponse::inner(answer) } }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { state: State::Answer { answer: EarlyResponse::early(response) } }
    }

    /// `inner` is the instance that was polled ready.
    pub(super) fn undecided(
        passage: Pin<Box<dyn Future<Output = Passage> + Send>>,
        inner: S,
        body: B,
    ) -> Self {
        Self { state: State::Undecided { passage, next: Some((inner, body)) } }
    }
}

impl<S, B, ResponseBody> Future for ResponseFuture<S, B, S::Future>
where
    S: Service<Request<B>, Response = Response<ResponseBody>>,
{
    type Output = Result<Response<EarlyBody<ResponseBody>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let (passage, next) = match self.as_mut().project().state.project() {
                StateProjection::Answer { answer } => return answer.poll(context),
                StateProjection::Undecided { passage, next } => (passage, next),
            };
            let passage = ready!(passage.as_mut().poll(context));
            let (mut inner, body) = next.take().expect("this state is left at once");
            let next = match passage {
                Passage::Admitted(head) => Self::inner(inner.call(Request::from_parts(head, body))),
                Passage::Refused(response) => Self::refused(response),
                Passage::Undecided(passage) => Self::undecided(passage, inner, body),
            };
            self.set(next);
        }
    }
}

impl<S, B, F> fmt::Debug for ResponseFuture<S, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Answer { .. } => "Answer",
            State::Undecided { .. } => "Undecided",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
