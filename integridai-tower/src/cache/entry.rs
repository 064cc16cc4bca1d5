//! A stored response, with all that was read from it when it was stored.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use bytes::{Bytes, BytesMut};
use http::header::{AGE, CONTENT_LENGTH, DATE, ETAG, HeaderName, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::date;
use super::decimal;
use super::directives::members;
use super::freshness::Freshness;
use super::range::Part;
use super::status::{CACHE_STATUS, Member};
use super::storable::announces_trailers;
use super::vary::Selecting;
use crate::cache_outcome::CacheOutcome;

const TAGS_BY_SPACE: HeaderName = HeaderName::from_static("surrogate-key");
const TAGS_BY_COMMA: HeaderName = HeaderName::from_static("cache-tag");

/// `Age`, `Cache-Status`, `Date` and `Content-Length`.
const OWN_FIELDS: usize = 4;

/// What a line of the fields weighs besides its value, roughly.
const LINE_WEIGHT: usize = 112;

/// What an entry weighs besides its fields and content, roughly.
const OWN_WEIGHT: usize = 1024;

/// A stored response: opaque to stores but for what it weighs and how it is tagged.
pub struct Entry {
    pub(super) status: StatusCode,
    /// Ready to be sent: `Age` and `Cache-Status` have their place, the first two unless the origin's side had one of the latter.
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
    stamp: RwLock<Stamp>,
}

/// When the latest hit was; from the second one of a second on, with its head for those that come in the same second.
#[derive(Default)]
struct Stamp {
    now: u64,
    reply: Option<(Arc<str>, Response<()>)>,
}

/// What an entry is made of.
pub(super) struct Contents<'a> {
    pub(super) status: StatusCode,
    /// End-to-end fields, as the origin sent them.
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) freshness: Freshness,
    pub(super) selecting: Selecting,
    pub(super) part: Option<Part>,
}

impl Entry {
    pub(super) fn new(contents: Contents<'_>) -> Self {
        let Contents { status, headers: sent, body, trailers, freshness, selecting, part } = contents;
        let has_earlier_status = sent.contains_key(CACHE_STATUS);
        let mut headers = HeaderMap::try_with_capacity(sent.keys_len() + OWN_FIELDS).unwrap_or_default();
        headers.insert(AGE, HeaderValue::from_static("0"));
        if !has_earlier_status {
            headers.insert(CACHE_STATUS, HeaderValue::from_static(""));
        }
        let mut own = OwnValues::of(sent);
        for (name, value) in sent {
            let value = own.next(value);
            if *name != AGE {
                headers.append(name, value);
            }
        }
        let trailers = trailers.map(OwnValues::put_into);
        if !headers.contains_key(DATE) {
            // RFC 9110 §6.6.1: whoever stores a message without one appends it.
            headers.insert(DATE, date::print(freshness.date));
        }
        let has_trailers = trailers.is_some() || announces_trailers(&headers);
        if has_trailers {
            headers.remove(CONTENT_LENGTH);
        } else if allows_content(status) {
            headers.insert(CONTENT_LENGTH, decimal::value(body.len() as u64));
        }
        let fields = weight_of(&headers) + trailers.as_ref().map_or(0, weight_of);
        Self {
            status,
            // Twice, since they are kept once more when it is asked for often.
            weight: OWN_WEIGHT + body.len() + 2 * fields + selecting.weight(),
            headers,
            body,
            trailers,
            freshness,
            selecting,
            part,
            has_earlier_status,
            is_expired: AtomicBool::new(false),
            kept_at: AtomicU64::new(0),
            stamp: RwLock::default(),
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
        let (age, status) = (decimal::value(self.freshness.age(now)), member.print(name));
        let mut headers = self.headers.clone();
        if self.has_earlier_status {
            headers.insert(AGE, age);
            headers.append(CACHE_STATUS, status);
            return headers;
        }
        // Where they stand, they need not be looked for.
        headers.values_mut().zip([age, status]).for_each(|(place, value)| *place = value);
        headers
    }

    /// The head of a plain hit.
    pub(super) fn hit(&self, now: u64, name: &Arc<str>) -> Response<()> {
        if let Ok(stamp) = self.stamp.try_read()
            && stamp.now == now
            && let Some((_, reply)) = stamp.reply.as_ref().filter(|(known, _)| Arc::ptr_eq(known, name))
        {
            return reply.clone();
        }
        let mut reply = Response::new(());
        *reply.status_mut() = self.status;
        *reply.headers_mut() = self.reply_headers(now, Member::hit(self.freshness.remaining(now)), name);
        CacheOutcome::Hit.put(reply.extensions_mut());
        if let Ok(mut stamp) = self.stamp.try_write() {
            let is_second = stamp.now == now;
            *stamp = Stamp { now, reply: is_second.then(|| (Arc::clone(name), reply.clone())) };
        }
        reply
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

/// The values of fields in a piece of memory of their own: those of a message may be slices of the buffer that it was read into,
/// which would be held as a whole.
struct OwnValues(Bytes);

impl OwnValues {
    fn of(headers: &HeaderMap) -> Self {
        let mut text = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
        headers.values().for_each(|value| text.extend_from_slice(value.as_bytes()));
        Self(text.freeze())
    }

    /// In the order of the fields.
    fn next(&mut self, value: &HeaderValue) -> HeaderValue {
        let own = HeaderValue::from_maybe_shared(self.0.split_to(value.len()));
        let mut own = own.unwrap_or_else(|_| value.clone());
        own.set_sensitive(value.is_sensitive());
        own
    }

    fn put_into(mut headers: HeaderMap) -> HeaderMap {
        let mut own = Self::of(&headers);
        headers.values_mut().for_each(|value| *value = own.next(value));
        headers
    }
}

/// Whether a response with this status may have content (RFC 9110 §8.6).
fn allows_content(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 204 | 205 | 304)
}

fn weight_of(headers: &HeaderMap) -> usize {
    headers.values().map(|value| value.len() + LINE_WEIGHT).sum()
}

#[cfg(test)]
mod tests {
    use super::super::assess::sample;
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn a_hit_tells_its_age_and_the_rest_as_it_was_stored() {
        let lines = [
            ("age", "7"),
            ("cache-control", "max-age=60"),
            ("x-a", "1"),
            ("x-b", "2"),
            ("x-a", "3"),
            ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ];
        let entry = sample(200, &lines, "content", NOW);
        let name: Arc<str> = "a".into();
        // The first and the second hit of a second, and one that is told what the second was.
        for (now, age, ttl) in [(NOW, "7", "53"), (NOW, "7", "53"), (NOW, "7", "53"), (NOW + 2, "9", "51")] {
            let headers = entry.hit(now, &name).into_parts().0.headers;
            let all = |name: &str| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(
                (all("age"), all("cache-status")),
                (vec![age.parse().unwrap()], vec![format!("a; hit; ttl={ttl}").parse().unwrap()])
            );
            assert_eq!(
                (all("x-a"), all("x-b"), all("content-length")),
                (
                    vec![HeaderValue::from_static("1"), HeaderValue::from_static("3")],
                    vec![HeaderValue::from_static("2")],
                    vec![HeaderValue::from_static("7")]
                )
            );
        }
        let other: Arc<str> = "b".into();
        assert_eq!(entry.hit(NOW + 2, &other).headers()["cache-status"], "b; hit; ttl=51");
    }

    #[test]
    fn an_entry_holds_no_more_memory_than_it_weighs() {
        let read = Bytes::from(vec![b'a'; 100_000]);
        let value = |length| HeaderValue::from_maybe_shared(read.slice(..length)).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-a", value(5));
        let mut request = HeaderMap::new();
        headers.insert("vary", HeaderValue::from_static("x-b"));
        request.insert("x-b", value(50_000));
        let freshness = sample(200, &[("cache-control", "max-age=60")], "", NOW).freshness;
        let selecting = Selecting::new(&headers, &request).unwrap();
        let trailers = Some(headers.clone());
        let status = StatusCode::OK;
        let body = Bytes::new();
        let entry = Entry::new(Contents {
            status,
            headers: &headers,
            body,
            trailers,
            freshness,
            selecting,
            part: None,
        });
        assert!(entry.weight() > 100_000, "{}", entry.weight());
        drop((headers, request));
        assert!(read.is_unique(), "the entry holds on to the buffer of a message");
    }

    #[test]
    fn caches_before_this_one_keep_their_member() {
        let lines = [("cache-status", "Before; hit"), ("cache-control", "max-age=60"), ("age", "1")];
        let entry = sample(200, &lines, "", NOW);
        let headers = entry.hit(NOW, &"a".into()).into_parts().0.headers;
        let members: Vec<_> = headers.get_all("cache-status").iter().cloned().collect();
        assert_eq!(members, ["Before; hit", "a; hit; ttl=59"]);
        assert_eq!(headers.get_all("age").iter().collect::<Vec<_>>(), ["1"]);
    }
}
