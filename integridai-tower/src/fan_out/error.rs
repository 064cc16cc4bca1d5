use std::borrow::Cow;
use std::fmt;

use crate::{BoxError, BranchEnd, BranchOutcomes};

/// Why a branch gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BranchError<E> {
    /// It failed.
    #[error(transparent)]
    Failed(E),
    /// Its time, or that of the whole, was up.
    #[error("the branch did not end in time")]
    TimedOut,
    /// It was dropped, since the result no longer depended on it.
    #[error("the branch was cancelled")]
    Cancelled,
    /// It had not begun when the result was there.
    #[error("the branch was not started")]
    NotStarted,
}

impl<E> BranchError<E> {
    /// What the branch failed with.
    #[must_use]
    pub fn failed(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// For a branch that was ended from outside.
    pub(super) fn of(end: BranchEnd) -> Self {
        match end {
            BranchEnd::TimedOut => Self::TimedOut,
            BranchEnd::NotStarted => Self::NotStarted,
            _ => Self::Cancelled,
        }
    }
}

/// Why there is no result.
#[derive(Debug)]
pub struct GatherError {
    cause: Cause,
    outcomes: BranchOutcomes,
}

#[derive(Debug)]
pub(super) enum Cause {
    Branch { name: Cow<'static, str>, end: BranchEnd, source: Option<BoxError> },
    TooFew { succeeded: usize, at_least: usize, any_timed_out: bool },
}

impl GatherError {
    pub(super) fn new(cause: Cause, outcomes: BranchOutcomes) -> Self {
        Self { cause, outcomes }
    }

    /// The branch without which there is no result; `None` where too few succeeded.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        match &self.cause {
            Cause::Branch { name, .. } => Some(name),
            Cause::TooFew { .. } => None,
        }
    }

    /// Whether it is for want of time: that branch's, or, where too few succeeded, that of any.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match &self.cause {
            Cause::Branch { end, .. } => *end == BranchEnd::TimedOut,
            Cause::TooFew { any_timed_out, .. } => *any_timed_out,
        }
    }

    /// How each branch ended.
    #[must_use]
    pub fn outcomes(&self) -> &BranchOutcomes {
        &self.outcomes
    }

    pub(super) fn into_parts(self) -> (Cause, BranchOutcomes) {
        (self.cause, self.outcomes)
    }
}

impl fmt::Display for GatherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Branch { name, end: BranchEnd::TimedOut, .. } => {
                write!(f, "the branch {name} did not end in time")
            }
            Cause::Branch { name, .. } => write!(f, "the branch {name} failed"),
            Cause::TooFew { succeeded, at_least, .. } => {
                write!(f, "{succeeded} branches succeeded where {at_least} have to")
            }
        }
    }
}

impl std::error::Error for GatherError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Branch { source, .. } => source.as_deref().map(|source| source as _),
            Cause::TooFew { .. } => None,
        }
    }
}
