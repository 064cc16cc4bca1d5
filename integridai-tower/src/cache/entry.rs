//! A stored response, with all that was read from it when it was stored.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use http::header::{ETAG, HeaderName, LAST_MODIFIED};
use http::{HeaderMap, Response, StatusCode};

use super::directives::members;
use super::fields::{Fields, Own, in_own_memory, weight_of};
use super::freshness::Freshness;
use super::range::Part;
use super::status::Member;
use super::storable::LeftOut;
use super::vary::Selecting;
use crate::cache_outcome::CacheOutcome;

const TAGS_BY_SPACE: HeaderName = HeaderName::from_static("surrogate-key");
const TAGS_BY_COMMA: HeaderName = HeaderName::from_static("cache-tag");

/// What an entry weighs besides its fields and content, roughly.
const OWN_WEIGHT: usize = 1024;

/// A stored response: opaque to stores but for what it weighs and how it is tagged.
pub struct Entry {
    pub(super) status: StatusCode,
    fields: Fields,
    pub(super) body: Bytes,
    pub(super) trailers: Option<Box<HeaderMap>>,
    pub(super) freshness: Freshness,
    pub(super) selecting: Selecting,
    /// Where the content stands, if it is a part of the whole.
    pub(super) part: Option<Part>,
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
    reply: Option<Box<Ready>>,
}

/// The head that the cache of this name sends.
struct Ready {
    name: Arc<str>,
    head: Response<()>,
}

/// What an entry is made of.
pub(super) struct Contents<'a> {
    pub(super) status: StatusCode,
    /// As the origin sent them.
    pub(super) headers: &'a HeaderMap,
    /// Which of them are not stored.
    pub(super) left_out: &'a LeftOut,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) freshness: Freshness,
    pub(super) selecting: Selecting,
    pub(super) part: Option<Part>,
}

impl Entry {
    pub(super) fn new(contents: Contents<'_>) -> Self {
        let Contents { status, headers, left_out, body, trailers, freshness, selecting, part } = contents;
        let trailers = trailers.map(in_own_memory).map(Box::new);
        let length = allows_content(status).then_some(body.len() as u64);
        let own = Own { date: freshness.date, length, has_trailers: trailers.is_some() };
        let fields = Fields::new(headers, left_out, own);
        let weight = fields.weight() + trailers.as_deref().map_or(0, weight_of);
        Self {
            status,
            // Twice, since they are kept once more when it is asked for often.
            weight: OWN_WEIGHT + body.len() + 2 * weight + selecting.weight(),
            fields,
            body,
            trailers,
            freshness,
            selecting,
            part,
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
        let by_space = self.headers().get_all(TAGS_BY_SPACE).iter();
        let by_comma = self.headers().get_all(TAGS_BY_COMMA).iter();
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
        self.headers().contains_key(ETAG) || self.headers().contains_key(LAST_MODIFIED)
    }

    /// The fields as they were stored, with empty places for those of a reply.
    pub(super) fn headers(&self) -> &HeaderMap {
        self.fields.headers()
    }

    /// The fields without those that the cache made.
    pub(super) fn stored_headers(&self) -> HeaderMap {
        self.fields.stored()
    }

    /// The fields of a reply from the store at this time.
    pub(super) fn reply_headers(&self, now: u64, member: Member, name: &str) -> HeaderMap {
        self.fields.reply(self.freshness.age(now), member, name)
    }

    /// The head of a plain hit.
    pub(super) fn hit(&self, now: u64, name: &Arc<str>) -> Response<()> {
        if let Ok(stamp) = self.stamp.try_read()
            && stamp.now == now
            && let Some(ready) = stamp.reply.as_deref().filter(|ready| Arc::ptr_eq(&ready.name, name))
        {
            return ready.head.clone();
        }
        let mut head = Response::new(());
        *head.status_mut() = self.status;
        *head.headers_mut() = self.reply_headers(now, Member::hit(self.freshness.remaining(now)), name);
        CacheOutcome::Hit.put(head.extensions_mut());
        if let Ok(mut stamp) = self.stamp.try_write() {
            let is_second = stamp.now == now;
            let ready = || Box::new(Ready { name: Arc::clone(name), head: head.clone() });
            *stamp = Stamp { now, reply: is_second.then(ready) };
        }
        head
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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
            left_out: &LeftOut::default(),
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
