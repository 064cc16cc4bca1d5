//! How often a request was sent.

/// In the extensions of a response: how many times a layer sent the request until it had this answer.
///
/// Written by whatever repeats requests, read by `fan_out` for the outcome of a branch. A response without it was asked for
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempts(pub u32);
