//! What claims have to say for a token to be good now (RFC 7519 §4.1).

use std::borrow::Cow;
use std::time::Duration;

use super::json::{Element, Members};
use crate::auth::Reason;

/// The end of the year 9999. Later dates are no dates, and this one can be added to.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// What the claims are held against.
#[derive(Debug, Clone)]
pub(super) struct Expectations {
    /// Empty: whoever it is for.
    pub(super) audiences: Vec<Box<str>>,
    pub(super) leeway: Duration,
    pub(super) max_age: Option<Duration>,
    pub(super) needs_expiry: bool,
}

/// The times of a token that is good now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) issued_at: Option<Duration>,
    pub(super) expires_at: Option<Duration>,
    /// From when on it is refused, leeway and greatest age included.
    pub(super) until: Duration,
}

impl Expectations {
    pub(super) fn check(&self, claims: &Members<'_>, now: Duration) -> Result<Times, Reason> {
        let times = self.check_times(claims, now)?;
        self.check_audience(claims)?;
        Ok(times)
    }

    fn check_times(&self, claims: &Members<'_>, now: Duration) -> Result<Times, Reason> {
        let latest = now.saturating_add(self.leeway);
        let expires_at = date(claims.get("exp"))?;
        match expires_at {
            None if self.needs_expiry => return Err(Reason::MissingClaim),
            Some(end) if now >= end.saturating_add(self.leeway) => return Err(Reason::Expired),
            _ => {}
        }
        if date(claims.get("nbf"))?.is_some_and(|start| start > latest) {
            return Err(Reason::NotYetValid);
        }
        let issued_at = date(claims.get("iat"))?;
        if issued_at.is_some_and(|issued| issued > latest) {
            return Err(Reason::IssuedInFuture);
        }
        let too_old_at = self.too_old_at(issued_at)?;
        if now > too_old_at {
            return Err(Reason::TooOld);
        }
        let ended_at = expires_at.map_or(Duration::MAX, |end| end.saturating_add(self.leeway));
        Ok(Times { issued_at, expires_at, until: ended_at.min(too_old_at) })
    }

    fn too_old_at(&self, issued_at: Option<Duration>) -> Result<Duration, Reason> {
        let Some(max_age) = self.max_age else { return Ok(Duration::MAX) };
        let issued_at = issued_at.ok_or(Reason::MissingClaim)?;
        Ok(issued_at.saturating_add(max_age).saturating_add(self.leeway))
    }

    /// One of several is enough (RFC 7519 §4.1.3).
    fn check_audience(&self, claims: &Members<'_>) -> Result<(), Reason> {
        if self.audiences.is_empty() {
            return Ok(());
        }
        let found = claims.get("aud").ok_or(Reason::MissingClaim)?;
        let is_one = match found.text() {
            Some(one) => self.is_audience(&one),
            None => {
                let all: Vec<Cow<'_, str>> = found.texts().ok_or(Reason::MalformedClaim)?;
                all.iter().any(|one| self.is_audience(one))
            }
        };
        if is_one { Ok(()) } else { Err(Reason::WrongAudience) }
    }

    fn is_audience(&self, name: &str) -> bool {
        self.audiences.iter().any(|audience| **audience == *name)
    }
}

/// A claim that is a string where it is there.
pub(super) fn string<'a>(claims: &Members<'a>, name: &str) -> Result<Option<Cow<'a, str>>, Reason> {
    claims.get(name).map(|value| value.text().ok_or(Reason::MalformedClaim)).transpose()
}

/// A `NumericDate` (RFC 7519 §2): seconds since 1970-01-01 UTC, which may have a fraction.
fn date(element: Option<Element<'_>>) -> Result<Option<Duration>, Reason> {
    let Some(element) = element else { return Ok(None) };
    let number = element.json().ok_or(Reason::MalformedClaim)?;
    let date = match number.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => number.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    };
    date.filter(|date| *date <= LAST_DATE).map(Some).ok_or(Reason::MalformedClaim)
}
