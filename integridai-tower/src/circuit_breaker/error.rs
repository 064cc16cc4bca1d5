use super::CircuitOpen;

/// Why a call through a circuit gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CircuitBreakerError<E> {
    /// The circuit did not let it through; nothing was sent.
    #[error("the circuit is open")]
    Open(CircuitOpen),
    /// The service failed.
    #[error(transparent)]
    Inner(E),
}
