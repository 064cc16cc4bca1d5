//! What becomes of an exchange without a response.

use crate::BoxError;

/// An exchange that ended without a response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// There was no connection, so nothing was sent.
    #[error("no connection")]
    Connect(#[source] BoxError),
    /// The request cannot be sent by this transport.
    #[error("the request cannot be sent")]
    Invalid(#[source] BoxError),
    /// The connection failed when the request was, or may have been, on its way.
    #[error("the connection broke")]
    Exchange(#[source] BoxError),
}

impl TransportError {
    /// Whether nothing was sent.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Connect(_))
    }
}
