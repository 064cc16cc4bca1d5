use std::error::Error;
use std::fmt;

use super::CircuitOpen;
use crate::Refused;

/// Why a call through a circuit gave nothing.
///
/// The [source](Error::source) of a call that was not let through is [`Refused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CircuitBreakerError<E> {
    /// The circuit did not let it through; nothing was sent.
    Open(CircuitOpen),
    /// The service failed.
    Inner(E),
}

const OPEN: Refused = Refused { layer: "circuit_breaker", reason: "open" };

impl<E: fmt::Display> fmt::Display for CircuitBreakerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(_) => f.write_str("the circuit is open"),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for CircuitBreakerError<E> {
    // Whoever looks for the transport's error has to find it, so it is a source and not looked through.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open(_) => Some(&OPEN),
            Self::Inner(error) => Some(error),
        }
    }
}
