//! A branch: a future with a name, a time limit, and a say in the whole.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::BranchError;
use crate::BranchEnd;

/// A future that gives a value or an error. Every future of a `Result` is one.
pub trait BranchFuture: Future<Output = Result<Self::Value, Self::Error>> {
    /// What it gives.
    type Value;
    /// Why it gives nothing.
    type Error;
}

impl<F, T, E> BranchFuture for F
where
    F: Future<Output = Result<T, E>>,
{
    type Value = T;
    type Error = E;
}

/// Marks a branch without which there is no result: its value is part of the result.
#[derive(Debug, Clone, Copy)]
pub enum Required {}

/// Marks a branch whose value may be missing: a `Result` is part of the result.
#[derive(Debug, Clone, Copy)]
pub enum Optional {}

/// [`Required`] or [`Optional`].
pub trait Need: sealed::Sealed {
    /// Whether there is no result without it.
    const IS_REQUIRED: bool;
    /// What is part of the result of a branch of `T` and `E`.
    type Output<T, E>;

    /// `None` where a required branch has no value.
    #[doc(hidden)]
    fn output<T, E>(result: Result<T, BranchError<E>>) -> Option<Self::Output<T, E>>;
}

impl Need for Required {
    const IS_REQUIRED: bool = true;
    type Output<T, E> = T;

    fn output<T, E>(result: Result<T, BranchError<E>>) -> Option<T> {
        result.ok()
    }
}

impl Need for Optional {
    const IS_REQUIRED: bool = false;
    type Output<T, E> = Result<T, BranchError<E>>;

    fn output<T, E>(result: Result<T, BranchError<E>>) -> Option<Self::Output<T, E>> {
        Some(result)
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Required {}
    impl Sealed for super::Optional {}
}

/// What an answer says of itself, for the branch's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// How the branch has ended, where that is not simply well or with an error.
    pub end: Option<BranchEnd>,
    /// The status of the answer.
    pub status: Option<StatusCode>,
    /// How often the branch was tried; once, unless it says.
    pub attempts: Option<u32>,
}

/// A branch of a [`gather`](super::gather).
#[must_use = "a branch does nothing unless it is gathered"]
pub struct Branch<F: BranchFuture, N> {
    pub(super) name: Cow<'static, str>,
    pub(super) future: F,
    pub(super) is_required: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) report: fn(&F::Output) -> Report,
    /// Tells the future when it has to have ended, just before it is polled for the first time.
    pub(super) on_start: fn(Pin<&mut F>, Option<Instant>),
    pub(super) need: PhantomData<fn() -> N>,
}

impl<F: BranchFuture> Branch<F, Required> {
    /// There is no result without its value.
    pub fn required(name: impl Into<Cow<'static, str>>, future: F) -> Self {
        Self::new(name.into(), future)
    }
}

impl<F: BranchFuture> Branch<F, Optional> {
    /// Its value may be missing.
    pub fn optional(name: impl Into<Cow<'static, str>>, future: F) -> Self {
        Self::new(name.into(), future)
    }

    /// For branches of one list of which some are required: there is no result without it if it is, while its value is a `Result`
    /// all the same.
    pub fn required_if(mut self, is_required: bool) -> Self {
        self.is_required = is_required;
        self
    }
}

impl<F: BranchFuture, N: Need> Branch<F, N> {
    fn new(name: Cow<'static, str>, future: F) -> Self {
        Self {
            name,
            future,
            is_required: N::IS_REQUIRED,
            timeout: None,
            report: |_| Report::default(),
            on_start: |_, _| {},
            need: PhantomData,
        }
    }

    /// The longest that it may take from its start; unless told, as long as the whole may.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Reads status and attempts from its answer or error.
    pub fn report(mut self, report: fn(&F::Output) -> Report) -> Self {
        self.report = report;
        self
    }
}

impl<F: BranchFuture, N> fmt::Debug for Branch<F, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch")
            .field("name", &self.name)
            .field("is_required", &self.is_required)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
