//! Two attempts at once, if the first takes too long.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};
use tower_service::Service;

use super::shared::Sample;
use crate::client::ClassifyAttempt;
use crate::client::replay::Spare;

/// In the extensions of a response for which two attempts were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Hedged {
    /// Whether it is the answer to the second.
    pub won: bool,
}

pin_project! {
    /// The future of [`HedgeService`](super::HedgeService).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, C>
    where
        S: Service<Request<B>>,
    {
        classify: Arc<C>,
        // Gone as soon as it has ended or lost.
        #[pin]
        first: Option<S::Future>,
        // How the first ended while the second was under way, if it failed.
        failure: Option<Result<S::Response, S::Error>>,
        #[pin]
        second: Second<S::Future>,
        // The instance that made the first attempt, to be polled ready before it makes the second.
        next: Option<(S, Spare<B>)>,
        sample: Option<Sample>,
        is_hedged: bool,
    }
}

pin_project! {
    #[project = SecondProjection]
    enum Second<F> {
        // Not at all, or not any more.
        None,
        // What answers at once needs no timer.
        Later,
        Waiting { #[pin] timer: Sleep },
        Readying,
        Called { #[pin] answer: F },
    }
}

impl<S: Service<Request<B>>, B, C> ResponseFuture<S, B, C> {
    /// There will be no second attempt.
    pub(super) fn single(first: S::Future, classify: Arc<C>) -> Self {
        let (next, sample, second) = (None, None, Second::None);
        Self { classify, first: Some(first), failure: None, second, next, sample, is_hedged: false }
    }

    /// There may be a second attempt, by this service.
    pub(super) fn hedged(first: S::Future, classify: Arc<C>, next: (S, Spare<B>), sample: Sample) -> Self {
        let (first, next, sample) = (Some(first), Some(next), Some(sample));
        Self { classify, first, failure: None, second: Second::Later, next, sample, is_hedged: false }
    }
}

impl<S, B, T, C> Future for ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<T>>,
    C: ClassifyAttempt<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(result) = self.as_mut().poll_first(context) {
            return Poll::Ready(self.finish(result, false));
        }
        self.poll_second(context)
    }
}

impl<S, B, T, C> ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<T>>,
    C: ClassifyAttempt<S::Response, S::Error>,
{
    /// Ready when the first attempt decides: it succeeded, or no second one is under way.
    fn poll_first(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<S::Response, S::Error>> {
        let mut this = self.project();
        let Some(first) = this.first.as_mut().as_pin_mut() else { return Poll::Pending };
        let result = ready!(first.poll(context));
        this.first.set(None);
        let is_success = this.classify.classify(result.as_ref()).is_final();
        if let Some(sample) = this.sample {
            sample.end(is_success);
        }
        if is_success || !matches!(*this.second, Second::Called { .. }) {
            return Poll::Ready(result);
        }
        *this.failure = Some(result);
        Poll::Pending
    }

    fn poll_second(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        loop {
            let mut this = self.as_mut().project();
            match this.second.as_mut().project() {
                SecondProjection::None => return Poll::Pending,
                SecondProjection::Later => {
                    let at = this.sample.as_ref().map(Sample::hedge_at);
                    this.second.set(at.map_or(Second::None, |at| Second::Waiting { timer: sleep_until(at) }));
                }
                SecondProjection::Waiting { timer } => {
                    ready!(timer.poll(context));
                    let may = this.sample.as_ref().is_some_and(Sample::may_hedge);
                    this.second.set(if may { Second::Readying } else { Second::None });
                }
                SecondProjection::Readying => {
                    let answer = match this.next.as_mut() {
                        Some((service, _)) => ready!(service.poll_ready(context)).ok(),
                        None => None,
                    };
                    let next = this.next.take().filter(|_| answer.is_some());
                    this.second.set(next.map_or(Second::None, |(mut service, spare)| Second::Called {
                        answer: service.call(spare.into_request()),
                    }));
                    if let (Some(sample), Second::Called { .. }) = (this.sample, &*this.second) {
                        *this.is_hedged = true;
                        sample.count_hedge();
                    }
                }
                SecondProjection::Called { answer } => {
                    let result = ready!(answer.poll(context));
                    this.second.set(Second::None);
                    if this.classify.classify(result.as_ref()).is_final() {
                        if let Some(sample) = this.sample {
                            sample.count_win();
                        }
                        return Poll::Ready(self.finish(result, true));
                    }
                    // Neither succeeded, or the first still may.
                    let Some(failure) = this.failure.take() else { return Poll::Pending };
                    let second_tells_more = failure.is_err() && result.is_ok();
                    let result = if second_tells_more { result } else { failure };
                    return Poll::Ready(self.finish(result, second_tells_more));
                }
            }
        }
    }

    /// Drops what is still under way.
    fn finish(
        self: Pin<&mut Self>,
        result: Result<S::Response, S::Error>,
        is_second: bool,
    ) -> Result<S::Response, S::Error> {
        let mut this = self.project();
        this.first.set(None);
        this.second.set(Second::None);
        *this.next = None;
        *this.sample = None;
        result.map(|mut response| {
            if *this.is_hedged {
                response.extensions_mut().insert(Hedged { won: is_second });
            }
            response
        })
    }
}

impl<S: Service<Request<B>>, B, C> fmt::Debug for ResponseFuture<S, B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = match self.second {
            Second::None => "None",
            Second::Later => "Later",
            Second::Waiting { .. } => "Waiting",
            Second::Readying => "Readying",
            Second::Called { .. } => "Called",
        };
        f.debug_struct("ResponseFuture").field("second", &second).finish_non_exhaustive()
    }
}
