//! A stored response, with all that was read from it when it was stored.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{AGE, CONTENT_LENGTH, DATE, ETAG, HeaderName, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::date;
use super::directives::members;
use super::freshness::Freshness;
use super::range::Part;
use super::status::{CACHE_STATUS, Member};
use super::storable::announces_trailers;
use super::vary::Selecting;

const TAGS_BY_SPACE: HeaderName = HeaderName::from_static("surrogate-key");
const TAGS_BY_COMMA: HeaderName = HeaderName::from_static("cache-tag");

/// What an entry weighs besides its fields and content, roughly.
const OWN_WEIGHT: usize = 1024;

/// A stored response: opaque to stores but for what it weighs and how it is tagged.
pub struct Entry {
    pub(super) status: StatusCode,
    /// Ready to be sent: `Age` and `Cache-Status` have their place.
    headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) freshness: Freshness,
    pub(super) selecting: Selecting,
    /// Where the content stands, if it is a part of the whole.
    pub(super) part: Option<Part>,
    /// Whether the origin's side already had a member in `Cache-Status`.
    has_earlier_status: bool,
    weight: usize,
    is_expired: AtomicBool,
    /// When a store that is shared with others put it into this process, in that store's own time.
    kept_at: AtomicU64,
    stamp: Mutex<Option<Stamp>>,
}

/// The fields of a hit, kept for those who ask in the same second.
struct Stamp {
    now: u64,
    name: Arc<str>,
    headers: Arc<HeaderMap>,
}

/// What an entry is made of.
pub(super) struct Contents {
    pub(super) status: StatusCode,
    /// End-to-end fields, as the origin sent them.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) freshness: Freshness,
    pub(super) selecting: Selecting,
    pub(super) part: Option<Part>,
}

impl Entry {
    pub(super) fn new(contents: Contents) -> Self {
        let Contents { status, mut headers, body, trailers, freshness, selecting, part } = contents;
        headers.insert(AGE, HeaderValue::from_static("0"));
        let has_earlier_status = headers.contains_key(CACHE_STATUS);
        if !has_earlier_status {
            headers.insert(CACHE_STATUS, HeaderValue::from_static(""));
        }
        if !headers.contains_key(DATE) {
            // RFC 9110 §6.6.1: whoever stores a message without one appends it.
            headers.insert(DATE, date::print(freshness.date));
        }
        let has_trailers = trailers.is_some() || announces_trailers(&headers);
        if has_trailers {
            headers.remove(CONTENT_LENGTH);
        } else if allows_content(status) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let fields = weight_of(&headers) + trailers.as_ref().map_or(0, weight_of);
        Self {
            status,
            // Twice, since they are kept once more when it is asked for.
            weight: OWN_WEIGHT + body.len() + 2 * fields,
            headers,
            body,
            trailers,
            freshness,
            selecting,
            part,
            has_earlier_status,
            is_expired: AtomicBool::new(false),
            kept_at: AtomicU64::new(0),
            stamp: Mutex::new(None),
        }
    }

    /// Bytes that it takes, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether its response carries this tag in `Surrogate-Key` or `Cache-Tag`.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        let is_tag = |found: &[u8]| found == tag.as_bytes();
        let by_space = self.headers.get_all(TAGS_BY_SPACE).iter();
        let by_comma = self.headers.get_all(TAGS_BY_COMMA).iter();
        by_space.flat_map(|line| line.as_bytes().split(u8::is_ascii_whitespace)).any(is_tag)
            || by_comma.flat_map(|line| members(line.as_bytes())).any(is_tag)
    }

    /// Makes it stale: it is confirmed by the origin before its next use.
    pub fn expire(&self) {
        self.is_expired.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_expired(&self) -> bool {
        self.is_expired.load(Ordering::Relaxed)
    }

    pub(super) fn keep_at(&self, now: u64) {
        self.kept_at.store(now, Ordering::Relaxed);
    }

    pub(super) fn kept_at(&self) -> u64 {
        self.kept_at.load(Ordering::Relaxed)
    }

    pub(super) fn is_fresh(&self, now: u64) -> bool {
        !self.is_expired() && self.freshness.is_fresh(now)
    }

    pub(super) fn has_validator(&self) -> bool {
        self.headers.contains_key(ETAG) || self.headers.contains_key(LAST_MODIFIED)
    }

    /// The fields as they were stored, with empty places for those of a reply.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The fields without those that the cache made.
    pub(super) fn stored_headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.remove(AGE);
        if !self.has_earlier_status {
            headers.remove(CACHE_STATUS);
        }
        headers
    }

    /// The fields of a reply from the store at this time.
    pub(super) fn reply_headers(&self, now: u64, member: Member, name: &str) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(AGE, HeaderValue::from(self.freshness.age(now)));
        let status = member.print(name);
        if self.has_earlier_status {
            headers.append(CACHE_STATUS, status);
        } else {
            headers.insert(CACHE_STATUS, status);
        }
        headers
    }

    /// Those of a plain hit.
    pub(super) fn hit_headers(&self, now: u64, name: &Arc<str>) -> HeaderMap {
        let made = || self.reply_headers(now, Member::hit(self.freshness.remaining(now)), name);
        let Ok(mut kept) = self.stamp.try_lock() else { return made() };
        if let Some(stamp) = kept.as_ref().filter(|stamp| stamp.now == now && Arc::ptr_eq(&stamp.name, name))
        {
            let headers = Arc::clone(&stamp.headers);
            drop(kept);
            return (*headers).clone();
        }
        let headers = made();
        *kept = Some(Stamp { now, name: Arc::clone(name), headers: Arc::new(headers.clone()) });
        headers
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("status", &self.status)
            .field("length", &self.body.len())
            .field("freshness", &self.freshness)
            .field("part", &self.part)
            .finish_non_exhaustive()
    }
}

/// Whether a response with this status may have content (RFC 9110 §8.6).
fn allows_content(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 204 | 205 | 304)
}

fn weight_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 96).sum()
}
