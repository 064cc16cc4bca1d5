//! How long a response may be reused (RFC 9111 §4.2), in whole seconds.

use http::header::{DATE, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use super::cache_control::CacheControl;
use super::rules::Rules;
use super::{age, date};

/// What says how long a response is fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// The response itself.
    Explicit(u64),
    /// A setting for its target.
    Configured(u64),
    /// How long it had not been modified (RFC 9111 §4.2.2).
    Heuristic(u64),
    Unknown,
}

impl Lifetime {
    pub(super) fn seconds(self) -> u64 {
        match self {
            Self::Explicit(seconds) | Self::Configured(seconds) | Self::Heuristic(seconds) => seconds,
            Self::Unknown => 0,
        }
    }
}

/// A response as far as its lifetime goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) control: &'a CacheControl,
    /// A targeted field decides alone (RFC 9213 §2.2).
    pub(super) is_targeted: bool,
    pub(super) configured: Option<u64>,
    /// When the response came.
    pub(super) received: u64,
}

pub(super) fn lifetime(facts: &Facts<'_>, rules: &Rules) -> Lifetime {
    if let Some(seconds) = explicit(facts, rules) {
        return Lifetime::Explicit(seconds);
    }
    if let Some(seconds) = facts.configured {
        return Lifetime::Configured(seconds);
    }
    heuristic(facts, rules).map_or(Lifetime::Unknown, Lifetime::Heuristic)
}

/// When the origin made the response; a missing or bad `Date` is the time of receipt (RFC 9110 §6.6.1).
pub(super) fn date_of(headers: &HeaderMap, received: u64) -> u64 {
    headers.get(DATE).and_then(|line| date::read(line.as_bytes(), received)).unwrap_or(received)
}

/// Whether a response with this status may be reused without saying how long (RFC 9110 §15.1).
pub(super) fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

fn explicit(facts: &Facts<'_>, rules: &Rules) -> Option<u64> {
    let control = facts.control;
    let shared = control.s_maxage.filter(|_| rules.is_shared);
    shared.or(control.max_age).or_else(|| if facts.is_targeted { None } else { by_expires(facts) })
}

/// Whatever is no single date has expired (RFC 9111 §5.3).
fn by_expires(facts: &Facts<'_>) -> Option<u64> {
    let mut lines = facts.headers.get_all(EXPIRES).iter();
    let first = lines.next()?;
    if lines.any(|line| line != first) {
        return Some(0);
    }
    let expires = date::read(first.as_bytes(), facts.received).unwrap_or(0);
    Some(expires.saturating_sub(date_of(facts.headers, facts.received)))
}

fn heuristic(facts: &Facts<'_>, rules: &Rules) -> Option<u64> {
    if facts.is_targeted || !(is_heuristically_cacheable(facts.status) || facts.control.public) {
        return None;
    }
    let modified = date::read(facts.headers.get(LAST_MODIFIED)?.as_bytes(), facts.received)?;
    let unchanged = date_of(facts.headers, facts.received).saturating_sub(modified);
    let lifetime = unchanged.saturating_mul(u64::from(rules.heuristic_percent)) / 100;
    (lifetime > 0).then_some(lifetime)
}

/// How fresh a stored response is, and what may be done when it is not. All seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Freshness {
    pub(super) received: u64,
    pub(super) date: u64,
    pub(super) age_at_receipt: u64,
    pub(super) lifetime: u64,
    /// `no-cache`: not without asking the origin.
    pub(super) is_always_validated: bool,
    /// Never once it is stale (RFC 9111 §4.2.4).
    pub(super) is_never_stale: bool,
    pub(super) while_revalidating: u64,
    pub(super) if_error: u64,
}

impl Freshness {
    /// `requested` is when the request was sent.
    pub(super) fn new(facts: &Facts<'_>, lifetime: Lifetime, requested: u64, rules: &Rules) -> Self {
        let control = facts.control;
        let date = date_of(facts.headers, facts.received);
        let binds_shared = control.proxy_revalidate || control.s_maxage.is_some();
        let is_always_validated = control.no_cache.is_everything();
        Self {
            received: facts.received,
            date,
            age_at_receipt: age::at_receipt(date, age::stated(facts.headers), requested, facts.received),
            lifetime: lifetime.seconds(),
            is_always_validated,
            is_never_stale: is_always_validated
                || control.must_revalidate
                || (rules.is_shared && binds_shared),
            while_revalidating: control.stale_while_revalidate.unwrap_or(0),
            if_error: control.stale_if_error.unwrap_or(0),
        }
    }

    /// Its age (RFC 9111 §4.2.3).
    pub(super) fn age(&self, now: u64) -> u64 {
        self.age_at_receipt.saturating_add(now.saturating_sub(self.received))
    }

    /// How long it stays fresh; what is negative is how long it has been stale.
    pub(super) fn remaining(&self, now: u64) -> i64 {
        let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        signed(self.lifetime).saturating_sub(signed(self.age(now)))
    }

    pub(super) fn is_fresh(&self, now: u64) -> bool {
        self.remaining(now) > 0
    }

    /// For how long from its receipt it can be of use: while it is fresh, and where it may be used stale or be confirmed as
    /// long as that may be, but `stale` seconds at least.
    pub(super) fn usefulness(&self, has_validator: bool, stale: u64) -> u64 {
        let fresh = self.lifetime.saturating_sub(self.age_at_receipt);
        let windows = if self.is_never_stale { 0 } else { self.while_revalidating.max(self.if_error) };
        let afterwards = if self.is_never_stale && !has_validator { 0 } else { windows.max(stale) };
        fresh.saturating_add(afterwards)
    }

    /// Whether it is stale by no more than this.
    pub(super) fn is_stale_within(&self, seconds: u64, now: u64) -> bool {
        let age = self.age(now);
        age >= self.lifetime && age - self.lifetime <= seconds
    }
}

#[cfg(test)]
mod tests;
