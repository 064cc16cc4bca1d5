use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::Refused;

/// Why a call with a deadline gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadlineError<E> {
    /// There was too little time left to begin with; nothing was sent.
    TooLate(TooLate),
    /// The deadline passed before the head of the answer was there.
    Passed(DeadlinePassed),
    /// The service failed.
    Inner(E),
}

/// There was too little time left for a call, so it was not made.
///
/// Its [source](Error::source) is [`Refused`], as that of every error of a layer that did not make the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLate {
    /// The time that was left.
    pub left: Duration,
    /// The time below which no call is made.
    pub needed: Duration,
}

/// A call took longer than it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("no end within {after:?}")]
pub struct DeadlinePassed {
    /// The time that the call was given.
    pub after: Duration,
}

impl TooLate {
    pub(super) fn new(left: Duration, needed: Duration) -> Self {
        Self { left, needed }
    }
}

const TOO_LATE: Refused = Refused { layer: "deadline", reason: "too_late" };

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} were left, and {:?} are needed", self.left, self.needed)
    }
}

impl Error for TooLate {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&TOO_LATE)
    }
}

impl DeadlinePassed {
    pub(super) fn new(after: Duration) -> Self {
        Self { after }
    }
}

impl<E: fmt::Display> fmt::Display for DeadlineError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLate(_) => f.write_str("too late to begin"),
            Self::Passed(_) => f.write_str("the deadline passed"),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for DeadlineError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooLate(error) => Some(error),
            Self::Passed(error) => Some(error),
            Self::Inner(error) => Some(error),
        }
    }
}
