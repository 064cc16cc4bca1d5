//! The id that one request keeps through every service it touches.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::{Builder, Uuid};

/// Identifies one request across services, logs and stored rows.
///
/// At most [`MAX_LEN`](Self::MAX_LEN) visible ASCII characters, so that it can stand in a header, a log line and a
/// database column as it is. An id of up to 38 characters, such as a UUID, stands in the value itself; a clone of a longer
/// one shares its text.
///
/// ```
/// use integridai_tower::CorrelationId;
///
/// let id: CorrelationId = "order-4711".parse()?;
/// assert_eq!(id.as_str(), "order-4711");
/// assert!("two words".parse::<CorrelationId>().is_err());
/// assert_eq!(CorrelationId::generate().as_str().len(), 36);
/// # Ok::<(), integridai_tower::InvalidCorrelationId>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(Text);

/// As much as fits beside the two bytes of length and kind in 40 bytes.
const SHORT: usize = 38;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Text {
    Short(Short),
    Long(Arc<str>),
}

/// The kind comes last, so that a copy of this and a move of the whole id are made in the same pieces: a processor waits
/// where it reads in other pieces than it has just written.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
struct Short {
    /// What follows the text is zero, so that equal texts have equal bytes.
    bytes: [u8; SHORT],
    length: u8,
    kind: Kind,
}

/// Has one value only; the others are what `Text` tells a long one by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
enum Kind {
    Short,
}

/// The text of an id, for as long as somebody reads it.
struct Owner(CorrelationId);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The text is empty, longer than [`CorrelationId::MAX_LEN`] or has a character that is not visible ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a correlation id is 1 to {} visible ASCII characters", CorrelationId::MAX_LEN)]
#[non_exhaustive]
pub struct InvalidCorrelationId;

impl CorrelationId {
    /// The header that carries the id between services.
    pub const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

    /// The greatest length in characters.
    pub const MAX_LEN: usize = 128;

    /// A new id: a UUID of version 7 (RFC 9562 §5.7), so ids sort by the time they were made, to a fraction of a
    /// microsecond.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0; SHORT];
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let length = uuid_at(now, rand::random()).hyphenated().encode_lower(&mut bytes).len();
        Self::short(bytes, length)
    }

    /// The id in the [`HEADER`](Self::HEADER) of a request; `None` where it is absent, repeated or invalid.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(Self::HEADER).iter();
        let only = values.next().filter(|_| values.next().is_none())?;
        Self::try_from(only).ok()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("visible ASCII, checked when it was made")
    }

    /// The id as a header value. Its clones share one text, where those of a value from text have to be made able to.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        let text = Bytes::from_owner(Owner(self.clone()));
        HeaderValue::from_maybe_shared(text).expect("visible ASCII, checked when it was made")
    }

    fn short(bytes: [u8; SHORT], length: usize) -> Self {
        Self(Text::Short(Short { bytes, length: length as u8, kind: Kind::Short }))
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short(short) => &short.bytes[..usize::from(short.length)],
            Text::Long(text) => text.as_bytes(),
        }
    }

    /// Whether the text is an id.
    pub(crate) fn is_valid(text: &[u8]) -> bool {
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        // A loop without a way out looks at many bytes at once.
        fits && text.iter().fold(true, |valid, byte| valid & byte.is_ascii_graphic())
    }

    fn copy(text: &[u8]) -> Result<Self, InvalidCorrelationId> {
        if Self::is_valid(text) { Ok(Self::of_valid(text)) } else { Err(InvalidCorrelationId) }
    }

    /// A copy: to share the bytes of a header would keep the whole buffer that the request was read into.
    pub(crate) fn of_valid(text: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        if let Some(start) = bytes.get_mut(..text.len()) {
            start.copy_from_slice(text);
            return Self::short(bytes, text.len());
        }
        let text = std::str::from_utf8(text).expect("visible ASCII, checked by the caller");
        Self(Text::Long(text.into()))
    }
}

/// Random but for the time since 1970, of which `rand_a` has the part below the millisecond (RFC 9562 §6.2, method 3).
/// `Uuid::now_v7` has a counter there, for which all threads wait in one line.
fn uuid_at(time: Duration, random: u128) -> Uuid {
    let milliseconds = time.as_secs() * 1000 + u64::from(time.subsec_millis());
    // 12 bits: of a millisecond's 1 000 000 ns, parts of 244 ns.
    let fraction = (u64::from(time.subsec_nanos() % 1_000_000) * 4096 / 1_000_000) as u16;
    let [bytes @ .., _, _, _, _, _, _] = random.to_be_bytes();
    let mut bytes: [u8; 10] = bytes;
    bytes[..2].copy_from_slice(&fraction.to_be_bytes());
    Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid()
}

impl TryFrom<&HeaderValue> for CorrelationId {
    type Error = InvalidCorrelationId;

    fn try_from(value: &HeaderValue) -> Result<Self, Self::Error> {
        Self::copy(value.as_bytes())
    }
}

impl std::str::FromStr for CorrelationId {
    type Err = InvalidCorrelationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::copy(text.as_bytes())
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CorrelationId").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_takes_forty_bytes_also_where_there_may_be_none() {
        assert_eq!([size_of::<CorrelationId>(), size_of::<Option<CorrelationId>>()], [40; 2]);
    }

    #[test]
    fn only_one_valid_header_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(CorrelationId::from_headers(&headers), None);
        headers.insert(CorrelationId::HEADER, HeaderValue::from_static("a"));
        assert_eq!(CorrelationId::from_headers(&headers).unwrap().as_str(), "a");
        headers.append(CorrelationId::HEADER, HeaderValue::from_static("b"));
        assert_eq!(CorrelationId::from_headers(&headers), None);
    }

    #[test]
    fn generated_ids_are_different_uuids_of_version_7() {
        let ids = [CorrelationId::generate(), CorrelationId::generate()];
        let uuids = ids.map(|id| id.as_str().parse::<Uuid>().expect("a UUID"));
        assert!(uuids[0] != uuids[1] && uuids.iter().all(|id| id.get_version_num() == 7));
    }

    proptest! {
        #[test]
        fn ids_sort_by_their_time_to_a_fraction_of_a_microsecond(
            seconds in 0_u64..4_000_000_000, nanos in 0_u32..999_999_000, later in 245_u32..1000, random in any::<[u128; 2]>(),
        ) {
            let time = Duration::new(seconds, nanos);
            let id = uuid_at(time, random[0]);
            prop_assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            prop_assert_eq!(id.as_u128() >> 80, time.as_millis());
            let other = uuid_at(time + Duration::from_nanos(later.into()), random[1]);
            prop_assert!(id.to_string() < other.to_string());
        }

        #[test]
        fn accepts_exactly_bounded_visible_ascii(text in "\\PC{0,140}") {
            let valid = (1..=128).contains(&text.len()) && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
            match text.parse::<CorrelationId>() {
                Ok(id) => { prop_assert!(valid); prop_assert_eq!(id.as_str(), text); }
                Err(InvalidCorrelationId) => prop_assert!(!valid),
            }
        }
    }
}
