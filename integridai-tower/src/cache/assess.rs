//! A response as it came, and whether and how it is stored.

use bytes::Bytes;
use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderMap, StatusCode, Uri};

use super::entry::{Contents, Entry};
use super::freshness::{self, Facts, Freshness, Lifetime};
use super::range::Part;
use super::rules::Rules;
use super::storable::{Asker, LeftOut, is_storable, shares_cookie_unasked};
use super::targeted::{Governing, governing};
use super::vary::Selecting;

/// When a request was sent and its response came, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) requested: u64,
    pub(super) received: u64,
}

/// What the origin was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) target: &'a Uri,
    /// Of the client.
    pub(super) headers: &'a HeaderMap,
    pub(super) asker: Asker,
    pub(super) times: Times,
}

/// All of an entry but its fields and content.
#[derive(Debug)]
pub(super) struct Outline {
    status: StatusCode,
    freshness: Freshness,
    selecting: Selecting,
    part: Option<Part>,
    left_out: LeftOut,
}

impl Outline {
    /// With the fields that were sent.
    pub(super) fn draft(self, sent: &HeaderMap) -> Draft {
        let Self { status, freshness, selecting, part, left_out } = self;
        let mut headers = sent.clone();
        left_out.remove_from(&mut headers);
        Draft { status, headers, freshness, selecting, part }
    }

    /// The same with all of the content.
    pub(super) fn finish(self, sent: &HeaderMap, body: Bytes) -> Entry {
        let Self { status, freshness, selecting, part, left_out } = self;
        let (headers, left_out, trailers) = (sent, &left_out, None);
        Entry::new(Contents { status, headers, left_out, body, trailers, freshness, selecting, part })
    }
}

/// All of an entry but its content.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) freshness: Freshness,
    pub(super) selecting: Selecting,
    pub(super) part: Option<Part>,
}

impl Draft {
    pub(super) fn finish(&self, body: Bytes, trailers: Option<HeaderMap>) -> Entry {
        let Self { status, headers, part, .. } = self;
        let (status, part, left_out) = (*status, *part, &LeftOut::default());
        let (freshness, selecting) = (self.freshness.clone(), self.selecting.clone());
        Entry::new(Contents { status, headers, left_out, body, trailers, freshness, selecting, part })
    }
}

/// The entry that the response to a GET becomes; `None` where it is not stored.
pub(super) fn outline(
    question: &Question<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    rules: &Rules,
) -> Option<Outline> {
    // About a range that others have not asked for.
    if status == StatusCode::RANGE_NOT_SATISFIABLE && question.headers.contains_key(RANGE) {
        return None;
    }
    let (governing, lifetime, freshness) = assess(question, status, headers, rules);
    let control = &governing.control;
    if !is_storable(question.asker, status, headers, control, lifetime, rules) {
        return None;
    }
    let part = match status {
        StatusCode::PARTIAL_CONTENT => Some(Part::read(headers.get(CONTENT_RANGE)?)?),
        _ => None,
    };
    let selecting = Selecting::new(headers, question.headers)?;
    let left_out = LeftOut::of(headers, control, rules);
    Some(Outline { status, freshness, selecting, part, left_out })
}

/// Whether the response says itself how long it is fresh, as the one to a POST has to (RFC 9110 §9.3.3).
pub(super) fn is_explicit(
    question: &Question<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    rules: &Rules,
) -> bool {
    matches!(assess(question, status, headers, rules).1, Lifetime::Explicit(_))
}

/// The fields of a stored response that are reused without the origin, after those of a response that confirms it were put
/// over them (RFC 9111 §3.2). `None` where they may not be stored.
pub(super) fn redraft(
    question: &Question<'_>,
    entry: &Entry,
    merged: HeaderMap,
    rules: &Rules,
) -> (Draft, bool) {
    let (governing, lifetime, freshness) = assess(question, entry.status, &merged, rules);
    let control = &governing.control;
    let is_stored = is_storable(question.asker, entry.status, &merged, control, lifetime, rules);
    let selecting = Selecting::new(&merged, question.headers);
    let is_stored = is_stored && selecting.is_some();
    let mut headers = merged;
    LeftOut::of(&headers, control, rules).remove_from(&mut headers);
    let selecting = selecting.unwrap_or_default();
    (Draft { status: entry.status, headers, freshness, selecting, part: entry.part }, is_stored)
}

/// Whether a response that confirms an entry sets a cookie without saying itself that it is for more than who asked.
pub(super) fn confirms_for_one(
    question: &Question<'_>,
    status: StatusCode,
    confirming: &HeaderMap,
    rules: &Rules,
) -> bool {
    let (governing, lifetime, _) = assess(question, status, confirming, rules);
    shares_cookie_unasked(confirming, &governing.control, lifetime, rules)
}

fn assess(
    question: &Question<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    rules: &Rules,
) -> (Governing, Lifetime, Freshness) {
    let governing = governing(headers, rules);
    let facts = Facts {
        status,
        headers,
        control: &governing.control,
        is_targeted: governing.is_targeted,
        configured: rules.configured_lifetime(question.target),
        received: question.times.received,
    };
    let lifetime = freshness::lifetime(&facts, rules);
    let freshness = Freshness::new(&facts, lifetime, question.times.requested, rules);
    (governing, lifetime, freshness)
}

/// What becomes of a response with these fields to a plain request, for tests.
#[cfg(test)]
pub(super) fn sample(status: u16, lines: &[(&'static str, &str)], body: &str, now: u64) -> Entry {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().expect("a value"));
    }
    let request = HeaderMap::new();
    let times = Times { requested: now, received: now };
    let target = Uri::from_static("/");
    let question = Question { target: &target, headers: &request, asker: Asker::default(), times };
    let status = StatusCode::from_u16(status).expect("a status");
    let outline = outline(&question, status, &headers, &Rules::shared()).expect("it is stored");
    outline.finish(&headers, Bytes::copy_from_slice(body.as_bytes()))
}
