//! Each call goes to one of the addresses.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::sync::futures::OwnedNotified;
use tower_service::Service;

use super::Balancer;
use super::standing::Standing;
use super::underway::Underway;
use crate::client::{Classify, ClassifyHttp};

/// Sends each call to one of the addresses of a [`Balancer`]: a client's service. See the [module docs](super).
///
/// A clone chooses for itself.
pub struct Balance<A, S, C = ClassifyHttp> {
    balancer: Balancer<A, S>,
    classify: C,
    /// Those that are asked whether they are ready.
    asked: Vec<Candidate<S>>,
    /// Those that have said that they cannot be.
    failed: Vec<u64>,
    chosen: Option<Candidate<S>>,
    changed: Option<Pin<Box<OwnedNotified>>>,
}

struct Candidate<S> {
    standing: Arc<Standing>,
    service: S,
}

impl<A, S> Balance<A, S> {
    pub(super) fn new(balancer: Balancer<A, S>) -> Self {
        Self::classified(balancer, ClassifyHttp)
    }
}

impl<A, S, C> Balance<A, S, C> {
    /// Says what counts as a failure, cloned with each call; [`ClassifyHttp`] unless told.
    pub fn classify<D>(self, classify: D) -> Balance<A, S, D> {
        Balance::classified(self.balancer, classify)
    }

    /// Whose addresses they are.
    #[must_use]
    pub fn balancer(&self) -> &Balancer<A, S> {
        &self.balancer
    }

    fn classified(balancer: Balancer<A, S>, classify: C) -> Self {
        Self { balancer, classify, asked: Vec::new(), failed: Vec::new(), chosen: None, changed: None }
    }
}

/// A clone is not ready, and chooses for itself.
impl<A, S, C: Clone> Clone for Balance<A, S, C> {
    fn clone(&self) -> Self {
        Self::classified(self.balancer.clone(), self.classify.clone())
    }
}

impl<A, S: Clone, C> Balance<A, S, C> {
    /// Asks those whose answer stands out, then others, until one is ready or there are no others.
    fn poll_candidates<R>(&mut self, context: &mut Context<'_>) -> Poll<Result<Candidate<S>, S::Error>>
    where
        S: Service<R>,
        C: Classify<S::Response, S::Error>,
    {
        let mut error = None;
        let mut left = self.asked.len();
        loop {
            let candidate = match left.checked_sub(1) {
                Some(last) => {
                    left = last;
                    Some(self.asked.swap_remove(last))
                }
                None => self.another(),
            };
            match (candidate, error.take()) {
                (Some(mut candidate), former) => match candidate.service.poll_ready(context) {
                    Poll::Ready(Ok(())) => return Poll::Ready(Ok(candidate)),
                    Poll::Ready(Err(failure)) => error = Some(self.fail(candidate, failure)),
                    Poll::Pending => {
                        error = former;
                        self.asked.push(candidate);
                    }
                },
                (None, Some(error)) if self.asked.is_empty() => return Poll::Ready(Err(error)),
                // Whom it waited for is gone, and those that failed have had time to recover.
                (None, None) if self.asked.is_empty() && !self.failed.is_empty() => self.failed.clear(),
                (None, _) => return Poll::Pending,
            }
        }
    }

    fn fail<R>(&mut self, candidate: Candidate<S>, failure: S::Error) -> S::Error
    where
        S: Service<R>,
        C: Classify<S::Response, S::Error>,
    {
        self.failed.push(candidate.standing.id);
        let underway = Underway::begin(Arc::clone(self.balancer.scores()), candidate.standing);
        underway.end(self.classify.classify(Err(&failure)));
        failure
    }

    fn another(&self) -> Option<Candidate<S>> {
        let asked = self.asked.iter().map(|candidate| candidate.standing.id);
        // Nothing is allocated where nobody has been asked yet, which is nearly always.
        let spent: Vec<u64> = asked.chain(self.failed.iter().copied()).collect();
        let member = self.balancer.choose(&spent)?;
        Some(Candidate { standing: Arc::clone(&member.standing), service: member.service() })
    }

    /// Those that are no address any more are not waited for.
    fn forget_others(&mut self) {
        if !self.asked.is_empty() {
            let members = self.balancer.members();
            let is_member = |id| members.iter().any(|member| member.standing.id == id);
            self.asked.retain(|candidate| is_member(candidate.standing.id));
        }
    }

    /// Whether an address has come, gone or got well since; if not, the task is woken when one does.
    fn poll_changed(&mut self, context: &mut Context<'_>, changes: u64) -> bool {
        let scores = self.balancer.scores();
        let changed = Arc::clone(scores.changed());
        let changed = self.changed.get_or_insert_with(|| Box::pin(changed.notified_owned()));
        let is_over = changed.as_mut().poll(context).is_ready();
        if is_over || scores.changes() != changes {
            self.changed = None;
            return true;
        }
        false
    }
}

impl<A, S, C, R> Service<R> for Balance<A, S, C>
where
    S: Service<R> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if let Some(chosen) = self.chosen.take() {
            self.asked.push(chosen);
        }
        loop {
            let changes = self.balancer.scores().changes();
            self.forget_others();
            let chosen = self.poll_candidates(context);
            if chosen.is_pending() {
                if self.poll_changed(context, changes) {
                    continue;
                }
                return Poll::Pending;
            }
            self.asked.clear();
            self.failed.clear();
            self.changed = None;
            return chosen.map_ok(|candidate| self.chosen = Some(candidate));
        }
    }

    fn call(&mut self, request: R) -> Self::Future {
        let Candidate { standing, mut service } =
            self.chosen.take().expect("a service is polled ready before it is called");
        let underway = Underway::begin(Arc::clone(self.balancer.scores()), standing);
        let answer = service.call(request);
        ResponseFuture { answer, underway: Some(underway), classify: self.classify.clone() }
    }
}

impl<A, S, C> fmt::Debug for Balance<A, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balance")
            .field("name", &self.balancer.name())
            .field("is_ready", &self.chosen.is_some())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Balance`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, C> {
        #[pin]
        answer: F,
        underway: Option<Underway>,
        classify: C,
    }
}

impl<F, C, T, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Classify<T, E>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(context));
        if let Some(underway) = this.underway.take() {
            underway.end(this.classify.classify(answer.as_ref()));
        }
        Poll::Ready(answer)
    }
}

impl<F, C> fmt::Debug for ResponseFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("underway", &self.underway).finish_non_exhaustive()
    }
}
