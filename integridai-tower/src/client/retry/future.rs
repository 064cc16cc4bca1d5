//! One attempt after the other.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::decision::Ended;
use super::layer::Policy;
use super::{Decision, attempts};
use crate::Attempts;
use crate::Deadline;
use crate::client::replay::Spare;
use crate::client::{AttemptOutcome, ClassifyAttempt, Replay};

/// What lasts from the first attempt to the last.
pub(super) struct Exchange<S, B, C> {
    /// The instance that was called last; to be polled ready before it is called again.
    pub(super) service: S,
    /// The next attempt's request, where there may be one.
    pub(super) again: Option<Spare<B>>,
    pub(super) attempts: u32,
    pub(super) is_repeatable: bool,
    pub(super) deadline: Option<Deadline>,
    pub(super) policy: Arc<Policy<C>>,
}

impl<S, B: Replay, C> Exchange<S, B, C> {
    fn decide<R, E>(&self, result: &Result<R, E>) -> Decision
    where
        C: ClassifyAttempt<R, E>,
    {
        let outcome = self.policy.classify.classify(result.as_ref());
        let decision = if outcome.is_final() { Decision::Done } else { self.decide_on_failure(outcome) };
        self.policy.options.tell(self.attempts, decision);
        decision
    }

    fn decide_on_failure(&self, outcome: AttemptOutcome) -> Decision {
        let ended = Ended {
            outcome,
            attempts: self.attempts,
            is_repeatable: self.is_repeatable,
            can_be_replayed: self.again.is_some(),
            left: self.deadline.map(Deadline::remaining),
        };
        self.policy.options.rules.decide(&ended, rand::random(), || self.policy.budget.withdraw())
    }

    /// The next attempt's request; another one is kept for the attempt after it, where there may be one.
    fn next(&mut self) -> Option<Request<B>> {
        let mut request = self.again.take()?.into_request();
        self.attempts += 1;
        attempts::number(request.headers_mut(), self.attempts);
        if self.attempts < self.policy.options.rules.attempts {
            self.again = Spare::of(&request);
        }
        Some(request)
    }
}

pin_project! {
    /// The future of [`RetryService`](super::RetryService).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, C>
    where
        S: Service<Request<B>>,
    {
        exchange: Exchange<S, B, C>,
        #[pin]
        state: State<S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Called { #[pin] answer: F },
        Pausing { #[pin] pause: Sleep },
        Readying,
    }
}

impl<S: Service<Request<B>>, B, C> ResponseFuture<S, B, C> {
    pub(super) fn new(exchange: Exchange<S, B, C>, answer: S::Future) -> Self {
        Self { exchange, state: State::Called { answer } }
    }
}

impl<S, B, T, C> Future for ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<T>>,
    B: Replay,
    C: ClassifyAttempt<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Called { answer } => {
                    let result = ready!(answer.poll(context));
                    let Decision::Again { pause } = this.exchange.decide(&result) else {
                        return Poll::Ready(result.map(|response| count(response, this.exchange.attempts)));
                    };
                    // The failed answer goes before the pause, and with it the connection that its body may hold.
                    drop(result);
                    this.state.set(State::Pausing { pause: sleep(pause) });
                }
                StateProjection::Pausing { pause } => {
                    ready!(pause.poll(context));
                    this.state.set(State::Readying);
                }
                StateProjection::Readying => {
                    ready!(this.exchange.service.poll_ready(context))?;
                    let request =
                        this.exchange.next().expect("there is another attempt only with a request for it");
                    let answer = this.exchange.service.call(request);
                    this.state.set(State::Called { answer });
                }
            }
        }
    }
}

/// One attempt is the rule and not worth the allocations of an extension.
fn count<T>(mut response: Response<T>, attempts: u32) -> Response<T> {
    if attempts > 1 {
        response.extensions_mut().insert(Attempts::new(attempts));
    }
    response
}

impl<S: Service<Request<B>>, B, C> fmt::Debug for ResponseFuture<S, B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Called { .. } => "Called",
            State::Pausing { .. } => "Pausing",
            State::Readying => "Readying",
        };
        let mut printer = f.debug_struct("ResponseFuture");
        printer.field("attempts", &self.exchange.attempts).field("state", &state).finish_non_exhaustive()
    }
}
