//! A call on its way in, through the line, and out again.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::concurrency::Entry;
use super::permit::Permit;
use super::{ConcurrencyLimit, Overloaded, Turn};
use crate::client::Classify;
use crate::readiness::take_ready;
use crate::{Deadline, Priority};

pin_project! {
    /// What the layers around a client and at the door have in common.
    pub(super) struct Passage<S, R, F, C> {
        classify: C,
        #[pin]
        state: State<S, R, F>,
    }
}

pin_project! {
    // Requests stand in boxes of their own: calls that wait or are refused are few, and each layer further out moves this.
    #[project = StateProjection]
    enum State<S, R, F> {
        Called { #[pin] answer: F, permit: Option<Permit> },
        Refused { refused: Option<Box<(Overloaded, R)>> },
        Waiting { turn: Turn, next: Option<Box<(S, R)>> },
    }
}

impl<S, R, F> State<S, R, F> {
    fn refused(overloaded: Overloaded, request: R) -> Self {
        Self::Refused { refused: Some(Box::new((overloaded, request))) }
    }
}

/// How it ended.
pub(super) enum Ended<T, R> {
    Answered(T),
    Refused(Overloaded, R),
}

impl<S, B, C> Passage<S, Request<B>, S::Future, C>
where
    S: Service<Request<B>> + Clone,
{
    pub(super) fn begin(limit: &ConcurrencyLimit, inner: &mut S, request: Request<B>, classify: C) -> Self {
        let extensions = request.extensions();
        let priority = extensions.get::<Priority>().copied().unwrap_or_default();
        let state = match limit.enter(priority, extensions.get::<Deadline>().copied()) {
            Entry::Admitted(permit) => State::Called { answer: inner.call(request), permit: Some(permit) },
            Entry::Refused(overloaded) => State::refused(overloaded, request),
            Entry::Waiting(turn) => {
                State::Waiting { turn, next: Some(Box::new((take_ready(inner), request))) }
            }
        };
        Self { classify, state }
    }
}

impl<S, R, C> Future for Passage<S, R, S::Future, C>
where
    S: Service<R>,
    C: Classify<S::Response, S::Error>,
{
    type Output = Ended<Result<S::Response, S::Error>, R>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        const ONCE: &str = "a future is not polled after its completion";
        let mut this = self.project();
        loop {
            let (turn, next) = match this.state.as_mut().project() {
                StateProjection::Called { answer, permit } => {
                    let answer = ready!(answer.poll(context));
                    if let Some(permit) = permit.take() {
                        permit.end(this.classify.classify(answer.as_ref()));
                    }
                    return Poll::Ready(Ended::Answered(answer));
                }
                StateProjection::Refused { refused } => {
                    let (overloaded, request) = *refused.take().expect(ONCE);
                    return Poll::Ready(Ended::Refused(overloaded, request));
                }
                StateProjection::Waiting { turn, next } => (turn, next),
            };
            let permit = ready!(turn.as_mut().poll(context));
            let (mut inner, request) = *next.take().expect(ONCE);
            this.state.set(match permit {
                Ok(permit) => State::Called { answer: inner.call(request), permit: Some(permit) },
                Err(overloaded) => State::refused(overloaded, request),
            });
        }
    }
}

impl<S, R, F, C> Passage<S, R, F, C> {
    pub(super) fn state(&self) -> &'static str {
        match self.state {
            State::Called { .. } => "Called",
            State::Refused { .. } => "Refused",
            State::Waiting { .. } => "Waiting",
        }
    }
}
