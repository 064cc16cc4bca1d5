//! What becomes of a request, given what is stored (RFC 9111 §4).

use http::header::RANGE;
use http::{HeaderMap, HeaderValue, Method};

use super::condition::range_applies;
use super::entry::Entry;
use super::range::{self, Range};
use super::request_directives::RequestDirectives;
use super::rules::Rules;
use super::status::Forward;

/// What counts of a request for a stored response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) is_head: bool,
    pub(super) has_range: bool,
    pub(super) has_condition: bool,
    /// What the client says, if it is heard.
    pub(super) directives: Option<RequestDirectives>,
}

impl Asked {
    pub(super) fn of(method: &Method, signs: &Signs<'_>, headers: &HeaderMap, rules: &Rules) -> Self {
        Self {
            is_head: method == Method::HEAD,
            has_range: method == Method::GET && signs.has_range,
            has_condition: signs.has_condition,
            directives: rules.hears_clients.then(|| RequestDirectives::of(headers)),
        }
    }

    /// The same without what only a client asks.
    pub(super) fn in_background(self) -> Self {
        Self { has_range: false, has_condition: false, directives: None, ..self }
    }

    /// Whether the answer to another request for the same URL would do.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_head && !self.has_range && !self.has_condition
    }
}

/// Which fields a request has, found in one go.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Signs<'a> {
    pub(super) host: Option<&'a HeaderValue>,
    pub(super) has_several_hosts: bool,
    has_range: bool,
    /// One that a cache can decide.
    has_condition: bool,
    /// `Authorization`.
    pub(super) has_credentials: bool,
    /// A condition that is for the origin alone (RFC 9111 §4.3.2), or the wish for another protocol.
    pub(super) is_for_origin: bool,
}

impl<'a> Signs<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut signs = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "host" => {
                    signs.has_several_hosts = signs.host.is_some();
                    signs.host = signs.host.or(Some(value));
                }
                "range" | "if-range" => signs.has_range = true,
                "if-none-match" | "if-modified-since" => signs.has_condition = true,
                "authorization" => signs.has_credentials = true,
                "if-match" | "if-unmodified-since" | "upgrade" => signs.is_for_origin = true,
                _ => {}
            }
        }
        signs
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The entry answers it.
    Fresh,
    /// The entry answers it although it is stale: the client takes it.
    Stale,
    /// The entry answers it although it is stale, and is revalidated meanwhile (RFC 5861 §3).
    WhileRevalidating,
    /// The origin is asked whether the entry is still right.
    Validate(Forward),
    /// The origin is asked for what the entry lacks.
    Complete,
    /// The origin is asked as if nothing were stored.
    Fetch(Forward),
    /// The origin may not be asked, and nothing else answers it.
    NotCached,
}

pub(super) fn verdict(entry: &Entry, asked: &Asked, headers: &HeaderMap, now: u64) -> Verdict {
    let verdict = by_freshness(entry, asked, headers, now);
    let is_forwarded = matches!(verdict, Verdict::Validate(_) | Verdict::Complete | Verdict::Fetch(_));
    if is_forwarded { unless_only_cached(asked, verdict) } else { verdict }
}

/// For a request for which nothing is stored.
pub(super) fn without_entry(asked: &Asked, forward: Forward) -> Verdict {
    unless_only_cached(asked, Verdict::Fetch(forward))
}

/// Whether a stale entry may stand in for an origin that fails: it was not reached at all, or `is_told` so by an answer.
pub(super) fn may_stand_in(entry: &Entry, asked: &Asked, is_told: bool, now: u64) -> bool {
    let freshness = &entry.freshness;
    if freshness.is_never_stale || entry.part.is_some() {
        return false;
    }
    let by_client = asked.directives.map_or(0, |directives| directives.stale_if_error);
    let seconds = freshness.if_error.max(by_client);
    // What was made stale by a purge may still be within its lifetime.
    let is_within = freshness.is_fresh(now) || freshness.is_stale_within(seconds, now);
    !is_told || entry.is_fresh(now) || (seconds > 0 && is_within)
}

fn by_freshness(entry: &Entry, asked: &Asked, headers: &HeaderMap, now: u64) -> Verdict {
    if entry.part.is_some() && !holds(entry, asked, headers, now) {
        let can_be_completed = asked.is_plain() && !entry.is_expired();
        return if can_be_completed { Verdict::Complete } else { Verdict::Fetch(Forward::Partial) };
    }
    let freshness = &entry.freshness;
    let directives = asked.directives.unwrap_or_default();
    if freshness.is_always_validated {
        return ask(entry, Forward::Stale);
    }
    if directives.no_cache {
        return ask(entry, Forward::Request);
    }
    if entry.is_fresh(now) {
        let is_young = directives.max_age.is_none_or(|most| freshness.age(now) <= most && most > 0);
        let stays = u64::try_from(freshness.remaining(now)).unwrap_or(0) >= directives.min_fresh;
        return if is_young && stays { Verdict::Fresh } else { ask(entry, Forward::Request) };
    }
    if freshness.is_never_stale || entry.is_expired() || entry.part.is_some() {
        return ask(entry, Forward::Stale);
    }
    if directives.max_stale.is_some_and(|most| freshness.is_stale_within(most, now)) {
        return Verdict::Stale;
    }
    let window = freshness.while_revalidating;
    if window > 0 && freshness.is_stale_within(window, now) && directives.max_age.is_none() {
        return Verdict::WhileRevalidating;
    }
    ask(entry, Forward::Stale)
}

fn ask(entry: &Entry, forward: Forward) -> Verdict {
    if entry.has_validator() && entry.part.is_none() {
        Verdict::Validate(forward)
    } else {
        Verdict::Fetch(forward)
    }
}

/// Whether a stored part answers the range that is asked for.
fn holds(entry: &Entry, asked: &Asked, headers: &HeaderMap, now: u64) -> bool {
    let Some(part) = entry.part.filter(|_| asked.has_range) else { return false };
    let ranges = headers.get(RANGE).and_then(range::read).unwrap_or_default();
    let [range] = ranges[..] else { return false };
    let is_there = |(first, _): (u64, u64)| first - part.first < entry.body.len() as u64;
    // An origin may have sent less than it said.
    let is_held = match range {
        Range::Last(_) => part.hold(range).is_some() && !entry.body.is_empty(),
        Range::From(..) => part.hold(range).is_some_and(is_there),
    };
    is_held && range_applies(headers, entry.headers(), entry.freshness.date, now)
}

fn unless_only_cached(asked: &Asked, verdict: Verdict) -> Verdict {
    let only_cached = asked.directives.is_some_and(|directives| directives.only_if_cached);
    if only_cached { Verdict::NotCached } else { verdict }
}

#[cfg(test)]
mod tests;
