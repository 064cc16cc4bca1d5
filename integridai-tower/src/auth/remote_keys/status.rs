use std::time::Duration;

use crate::auth::jwt::Skipped;

/// How the keys of an issuer are, for readiness checks and a look by an operator.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct KeysStatus {
    /// How many keys can be used; 0 before the first success and after the maximum age.
    pub keys: usize,
    /// Keys of the last set that could not be used, and why.
    pub skipped: Vec<Skipped>,
    /// When a set of keys was last fetched, as time since 1970-01-01 UTC.
    pub last_success: Option<Duration>,
    /// Why the last attempt failed; `None` after a success.
    pub last_error: Option<String>,
    /// How many attempts were made.
    pub attempts: u64,
}

impl KeysStatus {
    /// Whether tokens can be verified.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.keys > 0
    }
}
