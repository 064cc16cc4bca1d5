//! The id that one request keeps through every service it touches.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Identifies one request across services, logs and stored rows.
///
/// At most [`MAX_LEN`](Self::MAX_LEN) visible ASCII characters, so that it can stand in a header, a log line and a
/// database column as it is. A clone shares its bytes.
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
pub struct CorrelationId(HeaderValue);

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

    /// A new id: a UUID of version 7 (RFC 9562 §5.7), so ids sort by the time they were made.
    #[must_use]
    pub fn generate() -> Self {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = Uuid::now_v7().hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).expect("a hyphenated UUID is visible ASCII"))
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
        self.0.to_str().expect("visible ASCII, checked when it was made")
    }

    /// The id as a header value, without a copy.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl TryFrom<&HeaderValue> for CorrelationId {
    type Error = InvalidCorrelationId;

    fn try_from(value: &HeaderValue) -> Result<Self, Self::Error> {
        let bytes = value.as_bytes();
        let fits = (1..=Self::MAX_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        if !fits {
            return Err(InvalidCorrelationId);
        }
        // A clone would keep the whole buffer that the request was read into.
        HeaderValue::from_bytes(bytes).map(Self).map_err(|_| InvalidCorrelationId)
    }
}

impl std::str::FromStr for CorrelationId {
    type Err = InvalidCorrelationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        HeaderValue::from_str(text).map_err(|_| InvalidCorrelationId).and_then(|value| Self::try_from(&value))
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
    fn only_one_valid_header_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(CorrelationId::from_headers(&headers), None);
        headers.insert(CorrelationId::HEADER, HeaderValue::from_static("a"));
        assert_eq!(CorrelationId::from_headers(&headers).unwrap().as_str(), "a");
        headers.append(CorrelationId::HEADER, HeaderValue::from_static("b"));
        assert_eq!(CorrelationId::from_headers(&headers), None);
    }

    proptest! {
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
