//! A branch on its way, and what becomes of it.

use std::fmt::Display;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tracing::{Span, info_span};

use super::branch::{Branch, BranchFuture, Need, Report};
use super::error::BranchError;
use crate::{BoxError, BranchEnd, BranchOutcome};

/// What the engine knows of a branch.
#[derive(Debug)]
pub struct Progress {
    pub(super) outcome: BranchOutcome,
    pub(super) phase: Phase,
    /// After this it is not waited for.
    pub(super) expiry: Option<Instant>,
    timeout: Option<std::time::Duration>,
    /// On the heap, where there is somebody who listens: most of the time there is none, and branches are moved.
    span: Option<Box<Span>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    Running { since: Instant },
    Ended,
}

impl Progress {
    fn begin(&mut self, now: Instant, limit: Option<Instant>) {
        self.phase = Phase::Running { since: now };
        self.outcome.attempts = 1;
        let own = self.timeout.and_then(|timeout| now.checked_add(timeout));
        self.expiry = own.into_iter().chain(limit).min();
        let span = info_span!(
            "fan_out.branch",
            branch = &*self.outcome.name,
            required = self.outcome.is_required,
            outcome = tracing::field::Empty,
            status = tracing::field::Empty,
            attempts = tracing::field::Empty,
            error = tracing::field::Empty,
        );
        self.span = if span.is_disabled() { None } else { Some(Box::new(span)) };
    }

    /// The outcome as it stands; the result is there.
    pub(super) fn take_outcome(&mut self) -> BranchOutcome {
        let BranchOutcome { name, error, is_required, end, latency, attempts, status } = &mut self.outcome;
        BranchOutcome {
            name: std::mem::take(name),
            error: error.take(),
            is_required: *is_required,
            end: *end,
            latency: *latency,
            attempts: *attempts,
            status: *status,
        }
    }

    fn end(&mut self, end: BranchEnd, report: Report, now: Instant) {
        if let Phase::Running { since } = self.phase {
            self.outcome.latency = now.saturating_duration_since(since);
        }
        self.phase = Phase::Ended;
        self.outcome.end = report.end.unwrap_or(end);
        self.outcome.status = report.status;
        self.outcome.attempts = report.attempts.unwrap_or(self.outcome.attempts);
        let Some(span) = self.span.take() else { return };
        span.record("outcome", self.outcome.end.as_str());
        span.record("attempts", self.outcome.attempts);
        if let Some(error) = &self.outcome.error {
            span.record("error", error.as_str());
        }
        if let Some(status) = report.status {
            span.record("status", status.as_u16());
        }
    }
}

/// A branch whose types are not known.
pub trait Slot {
    fn progress(self: Pin<&mut Self>) -> &mut Progress;

    /// It begins now, and has to end at `limit` at the latest. Returns when its time is up.
    fn begin(self: Pin<&mut Self>, now: Instant, limit: Option<Instant>) -> Option<Instant>;

    /// Goes on with it in its span. `Ready` tells when it ended.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Instant>;

    /// Drops it, in its span.
    fn stop(self: Pin<&mut Self>, end: BranchEnd, now: Instant);

    /// What it failed with.
    fn take_error(self: Pin<&mut Self>) -> Option<BoxError>;
}

pin_project! {
    /// A branch of known types.
    pub struct Cell<F: BranchFuture, N> {
        progress: Progress,
        report: fn(&F::Output) -> Report,
        on_start: fn(Pin<&mut F>, Option<Instant>),
        #[pin]
        state: State<F>,
        need: PhantomData<fn() -> N>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F: BranchFuture> {
        Running { #[pin] future: F },
        Ended { result: Result<F::Value, BranchError<F::Error>> },
    }
}

impl<F: BranchFuture, N: Need> Cell<F, N> {
    #[inline]
    pub(super) fn new(branch: Branch<F, N>) -> Self {
        let progress = Progress {
            outcome: BranchOutcome::new(branch.name, branch.is_required),
            phase: Phase::Waiting,
            expiry: None,
            timeout: branch.timeout,
            span: None,
        };
        let state = State::Running { future: branch.future };
        Self { progress, report: branch.report, on_start: branch.on_start, state, need: PhantomData }
    }

    /// What is part of the result; `None` where a required branch has no value.
    pub(super) fn output(self: Pin<&mut Self>) -> Option<N::Output<F::Value, F::Error>> {
        match self.project().state.project() {
            StateProjection::Ended { result } => {
                N::output(std::mem::replace(result, Err(BranchError::Cancelled)))
            }
            StateProjection::Running { .. } => N::output(Err(BranchError::Cancelled)),
        }
    }
}

impl<F: BranchFuture<Error: Into<BoxError> + Display>, N> Slot for Cell<F, N> {
    fn progress(self: Pin<&mut Self>) -> &mut Progress {
        self.project().progress
    }

    fn begin(self: Pin<&mut Self>, now: Instant, limit: Option<Instant>) -> Option<Instant> {
        let mut this = self.project();
        this.progress.begin(now, limit);
        if let StateProjection::Running { future } = this.state.as_mut().project() {
            (this.on_start)(future, this.progress.expiry);
        }
        this.progress.expiry
    }

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Instant> {
        let mut this = self.project();
        let entered = this.progress.span.as_deref().map(Span::enter);
        let StateProjection::Running { future } = this.state.as_mut().project() else { return Poll::Pending };
        let Poll::Ready(result) = future.poll(context) else { return Poll::Pending };
        let now = Instant::now();
        let end = if result.is_ok() { BranchEnd::Succeeded } else { BranchEnd::Failed };
        let report = (this.report)(&result);
        this.progress.outcome.error = result.as_ref().err().map(ToString::to_string);
        this.state.set(State::Ended { result: result.map_err(BranchError::Failed) });
        drop(entered);
        this.progress.end(end, report, now);
        Poll::Ready(now)
    }

    fn stop(self: Pin<&mut Self>, end: BranchEnd, now: Instant) {
        let mut this = self.project();
        let entered = this.progress.span.as_deref().map(Span::enter);
        this.state.set(State::Ended { result: Err(BranchError::of(end)) });
        drop(entered);
        this.progress.end(end, Report::default(), now);
    }

    fn take_error(self: Pin<&mut Self>) -> Option<BoxError> {
        let StateProjection::Ended { result } = self.project().state.project() else { return None };
        match std::mem::replace(result, Err(BranchError::Cancelled)) {
            Err(BranchError::Failed(error)) => Some(error.into()),
            _ => None,
        }
    }
}
