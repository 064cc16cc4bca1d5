//! The refusal of this layer.

use std::borrow::Cow;

use http::{HeaderMap, StatusCode};

use super::fields::put_retry_after;
use super::{Outcome, Verdict};
use crate::Refusal;

/// A request was not let through. Found in the extensions of the response.
#[derive(Debug, Clone)]
pub struct RateLimited {
    cause: Cause,
}

#[derive(Debug, Clone, Copy)]
enum Cause {
    WithoutKey,
    Verdict(Verdict),
}

/// When a shared store that cannot be asked is worth another try.
const RETRY_UNAVAILABLE: std::time::Duration = std::time::Duration::from_secs(5);

impl RateLimited {
    pub(super) fn without_key() -> Self {
        Self { cause: Cause::WithoutKey }
    }

    pub(super) fn by(verdict: Verdict) -> Self {
        Self { cause: Cause::Verdict(verdict) }
    }

    /// What the limiter said; `None` where it was not asked, since the request has no key.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.cause {
            Cause::Verdict(verdict) => Some(verdict),
            Cause::WithoutKey => None,
        }
    }

    fn outcome(&self) -> Option<Outcome> {
        self.verdict().map(Verdict::outcome)
    }
}

impl Refusal for RateLimited {
    const LAYER: &'static str = "rate_limit";

    fn reason(&self) -> &'static str {
        match self.outcome() {
            None => "no_key",
            Some(Outcome::TooCostly) => "too_costly",
            Some(Outcome::NoRoom) => "no_room",
            Some(Outcome::Unavailable) => "unavailable",
            Some(Outcome::Refused { .. } | Outcome::Admitted { .. }) => "over_quota",
        }
    }

    fn status(&self) -> StatusCode {
        match self.outcome() {
            None => StatusCode::BAD_REQUEST,
            Some(Outcome::NoRoom | Outcome::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn detail(&self) -> Cow<'static, str> {
        match self.outcome() {
            None => "The request does not say whose it is.".into(),
            Some(Outcome::TooCostly) => "The request costs more than the quota allows at any time.".into(),
            Some(Outcome::NoRoom | Outcome::Unavailable) => "Limits cannot be checked at the moment.".into(),
            Some(_) => "Too many requests; see Retry-After.".into(),
        }
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        match self.outcome() {
            Some(Outcome::Refused { retry_after }) => put_retry_after(headers, retry_after),
            Some(Outcome::NoRoom | Outcome::Unavailable) => put_retry_after(headers, RETRY_UNAVAILABLE),
            _ => {}
        }
    }
}
