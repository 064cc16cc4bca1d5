//! The fields of a stored response, ready to be sent.

use bytes::{Bytes, BytesMut};
use http::header::{AGE, CONTENT_LENGTH, DATE, HeaderName, TRAILER};
use http::{HeaderMap, HeaderValue};

use super::status::{CACHE_STATUS, Member};
use super::storable::LeftOut;
use super::{date, decimal};

/// `Age`, `Cache-Status`, `Date` and `Content-Length`.
const OWN_FIELDS: usize = 4;

/// What a line weighs besides its value, roughly.
const LINE_WEIGHT: usize = 112;

/// `Age` and `Cache-Status` have their place, the first two unless the origin's side had one of the latter.
pub(super) struct Fields {
    headers: HeaderMap,
    has_earlier_status: bool,
    weight: usize,
}

/// What is stored besides what was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    /// Seconds; sent where there is no `Date` (RFC 9110 §6.6.1: whoever stores a message without one appends it).
    pub(super) date: u64,
    /// Of the content; `None` for a status that has none.
    pub(super) length: Option<u64>,
    /// Then the content is not framed by its length.
    pub(super) has_trailers: bool,
}

impl Fields {
    pub(super) fn new(sent: &HeaderMap, left_out: &LeftOut, own: Own) -> Self {
        let seen = Seen::in_all(sent, left_out);
        let has_trailers = own.has_trailers || seen.announces_trailers;
        let length = own.length.filter(|_| !has_trailers);
        let date = (!seen.has_date).then(|| date::text(own.date));
        let mut values = OwnValues::of(sent, seen.length, date.as_ref().map_or(&[], |date| date));
        let mut headers = HeaderMap::try_with_capacity(sent.keys_len() + OWN_FIELDS).unwrap_or_default();
        headers.insert(AGE, HeaderValue::from_static("0"));
        if !seen.has_earlier_status {
            headers.insert(CACHE_STATUS, HeaderValue::from_static(""));
        }
        let is_made_here = has_trailers || length.is_some();
        let mut weight = 0;
        for (name, sent) in sent {
            let value = values.next(sent);
            if *name != AGE && !(is_made_here && *name == CONTENT_LENGTH) && !left_out.has(name) {
                weight += value.len();
                headers.append(name, value);
            }
        }
        if let Some(date) = &date {
            weight += date.len();
            headers.insert(DATE, values.rest());
        }
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, decimal::value(length));
        }
        weight += LINE_WEIGHT * headers.len();
        Self { headers, has_earlier_status: seen.has_earlier_status, weight }
    }

    /// With empty places for those of a reply.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Without those that the cache made.
    pub(super) fn stored(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.remove(AGE);
        if !self.has_earlier_status {
            headers.remove(CACHE_STATUS);
        }
        headers
    }

    /// Those of a reply.
    pub(super) fn reply(&self, age: u64, member: Member, name: &str) -> HeaderMap {
        let (age, status) = (decimal::value(age), member.print(name));
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

    /// Bytes that they take, roughly.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }
}

pub(super) fn weight_of(headers: &HeaderMap) -> usize {
    headers.values().map(|value| value.len() + LINE_WEIGHT).sum()
}

/// What there is among the fields that were sent, found in one go.
#[derive(Debug, Default)]
struct Seen {
    /// Of all values.
    length: usize,
    has_earlier_status: bool,
    has_date: bool,
    announces_trailers: bool,
}

impl Seen {
    fn in_all(sent: &HeaderMap, left_out: &LeftOut) -> Self {
        let mut seen = Self::default();
        let is = |name: &HeaderName, known: HeaderName| *name == known && !left_out.has(name);
        for (name, value) in sent {
            seen.length += value.len();
            seen.has_earlier_status |= is(name, CACHE_STATUS);
            seen.has_date |= is(name, DATE);
            seen.announces_trailers |= is(name, TRAILER);
        }
        seen
    }
}

/// The values of fields in a piece of memory of their own: those of a message may be slices of the buffer that it was read into,
/// which would be held as a whole.
struct OwnValues(Bytes);

impl OwnValues {
    /// `length` is that of all values, `last` another one behind them.
    fn of(headers: &HeaderMap, length: usize, last: &[u8]) -> Self {
        let mut text = BytesMut::with_capacity(length + last.len());
        headers.values().for_each(|value| text.extend_from_slice(value.as_bytes()));
        text.extend_from_slice(last);
        Self(text.freeze())
    }

    /// In the order of the fields.
    fn next(&mut self, value: &HeaderValue) -> HeaderValue {
        let own = HeaderValue::from_maybe_shared(self.0.split_to(value.len()));
        let mut own = own.unwrap_or_else(|_| value.clone());
        own.set_sensitive(value.is_sensitive());
        own
    }

    /// The one behind those of the fields.
    fn rest(self) -> HeaderValue {
        HeaderValue::from_maybe_shared(self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

/// The same fields in a piece of memory of their own.
pub(super) fn in_own_memory(mut headers: HeaderMap) -> HeaderMap {
    let length = headers.values().map(HeaderValue::len).sum();
    let mut own = OwnValues::of(&headers, length, &[]);
    headers.values_mut().for_each(|value| *value = own.next(value));
    headers
}
