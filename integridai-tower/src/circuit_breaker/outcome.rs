//! How a call ended.

use std::time::Duration;

/// How a call ended, as far as a circuit is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The service did what it was asked, or said with right that it would not.
    Success,
    /// It did not.
    Failure {
        /// How long the service asks to be left alone (RFC 9110 §10.2.3).
        retry_after: Option<Duration>,
    },
    /// It says nothing about the service; as if it had not been made.
    Ignored,
}

impl Outcome {
    /// A failure of a service that does not say when to come back.
    pub const FAILURE: Self = Self::Failure { retry_after: None };
}
