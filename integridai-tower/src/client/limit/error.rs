//! Why a call was not let through.

use std::time::Duration;

/// A call was not let through: there is too much to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many calls at once: {}", .cause.as_str())]
#[non_exhaustive]
pub struct Overloaded {
    /// Why this one.
    pub cause: Cause,
    /// When those who wait now should have had their turn.
    pub retry_after: Duration,
}

/// Why a call was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// As many wait as may, and none of them is less urgent.
    QueueFull,
    /// It waited until something more urgent came.
    Displaced,
    /// It waited for as long as a call may.
    WaitedTooLong,
    /// Its [`Deadline`](crate::Deadline) passed before its turn came.
    DeadlinePassed,
}

impl Cause {
    /// One word for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Displaced => "displaced",
            Self::WaitedTooLong => "waited_too_long",
            Self::DeadlinePassed => "deadline_passed",
        }
    }
}

/// Why a call through a [`ConcurrencyLimitLayer`](super::ConcurrencyLimitLayer) gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverloadedError<E> {
    /// It was not let through; nothing was sent.
    #[error("the call was not let through")]
    Overloaded(#[source] Overloaded),
    /// The service failed.
    #[error(transparent)]
    Inner(E),
}
