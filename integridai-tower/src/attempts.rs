//! How often a request was sent.

use http::Extensions;

/// In the extensions of a response: how many times a layer sent the request until it had this answer. A response without it was
/// asked for once.
///
/// Written by whatever repeats requests, such as `client::retry`; read by `fan_out` for the outcome of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempts(u32);

impl Attempts {
    /// So many, from 1.
    #[must_use]
    pub fn new(count: u32) -> Self {
        Self(count.max(1))
    }

    /// Of the response with these extensions.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self(1))
    }

    /// The number, from 1.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0
    }
}
