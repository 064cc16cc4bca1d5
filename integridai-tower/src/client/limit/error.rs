//! Why a call was not let through.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::Refused;

/// A call was not let through: there is too much to do.
///
/// Its [source](Error::source) is [`Refused`], as that of every error of a layer that did not make the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Its [`Deadline`](crate::Deadline) passed, or left less time than a call takes, before its turn came.
    DeadlinePassed,
}

impl Cause {
    /// One word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Displaced => "displaced",
            Self::WaitedTooLong => "waited_too_long",
            Self::DeadlinePassed => "deadline_passed",
        }
    }
}

impl fmt::Display for Overloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too many calls at once: {}", self.cause.as_str())
    }
}

impl Error for Overloaded {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        const fn of(cause: Cause) -> Refused {
            Refused { layer: "concurrency_limit", reason: cause.as_str() }
        }
        Some(match self.cause {
            Cause::QueueFull => &const { of(Cause::QueueFull) },
            Cause::Displaced => &const { of(Cause::Displaced) },
            Cause::WaitedTooLong => &const { of(Cause::WaitedTooLong) },
            Cause::DeadlinePassed => &const { of(Cause::DeadlinePassed) },
        })
    }
}

/// Why a call through a [`ConcurrencyLimitLayer`](super::ConcurrencyLimitLayer) gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverloadedError<E> {
    /// It was not let through; nothing was sent.
    Overloaded(Overloaded),
    /// The service failed.
    Inner(E),
}

impl<E: fmt::Display> fmt::Display for OverloadedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overloaded(_) => f.write_str("the call was not let through"),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for OverloadedError<E> {
    // Whoever looks for the transport's error has to find it, so it is a source and not looked through.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Overloaded(overloaded) => Some(overloaded),
            Self::Inner(error) => Some(error),
        }
    }
}
