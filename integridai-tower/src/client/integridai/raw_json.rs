//! JSON kept as the text it was written in.

use std::fmt;

use bytes::Bytes;
use serde::de::Deserializer;
use serde::ser::{Error, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One JSON value (RFC 8259) as text, valid by construction. A clone shares its bytes.
///
/// [`JsonObject`](super::JsonObject) puts it into a larger document without reading it again; serde, which cannot be
/// told that it is valid, checks it once more.
///
/// ```
/// use integridai_tower::client::integridai::RawJson;
///
/// let text = RawJson::parse(br#" {"score": 85.50} "#)?;
/// assert_eq!(text.get(), r#"{"score": 85.50}"#);
/// assert!(RawJson::parse(b"{").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Bytes);

impl RawJson {
    /// Checks that the bytes are one JSON value, and keeps a copy of them without the white space around it.
    ///
    /// # Errors
    ///
    /// When they are not JSON, or not UTF-8.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<&RawValue>(text).map(Self::from)
    }

    /// Reads a text as a `T` and keeps it, for the price of reading it.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not a `T`.
    pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(Self, T), serde_json::Error> {
        serde_json::from_str(text).map(|value| (Self::checked(text), value))
    }

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// When the value has no JSON form, such as a map with keys that are not strings.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(|text| Self(text.into()))
    }

    /// The text.
    ///
    /// # Panics
    ///
    /// Never: it was checked, or written by serde, when this was made.
    #[must_use]
    pub fn get(&self) -> &str {
        std::str::from_utf8(&self.0).expect("JSON text is UTF-8, checked when it was made")
    }

    /// The text as bytes, which need no check.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text's bytes, shared.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// For text that a parser has been over. A copy: what it came in may be a buffer of many times its size.
    pub(super) fn checked(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.trim_matches(WHITE_SPACE).as_bytes()))
    }

    /// For text that a writer of JSON has written.
    pub(super) fn written(text: Vec<u8>) -> Self {
        Self(text.into())
    }
}

/// RFC 8259 §2.
const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl From<&RawValue> for RawJson {
    fn from(raw: &RawValue) -> Self {
        Self(Bytes::copy_from_slice(raw.get().as_bytes()))
    }
}

impl From<bool> for RawJson {
    fn from(value: bool) -> Self {
        Self(Bytes::from_static(if value { b"true" } else { b"false" }))
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_slice::<&RawValue>(&self.0).map_err(Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|raw| Self::from(&*raw))
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_as_it_came_without_the_white_space_around_it() {
        for text in [" {\"b\": 1.50}\n", "\t7\r\n", "\"\\u00e9\""] {
            assert_eq!(RawJson::parse(text.as_bytes()).unwrap().get(), text.trim());
            assert_eq!(RawJson::read::<serde_json::Value>(text).unwrap().0.get(), text.trim());
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [&b""[..], b"{", b"nul", b"{} {}", b"{'a':1}", b"\"\xff\""] {
            assert!(RawJson::parse(text).is_err(), "{text:?}");
        }
        assert!(RawJson::read::<u8>("7 7").is_err());
        assert!(RawJson::read::<u8>("\"7\"").is_err());
    }

    #[test]
    fn it_nests_as_it_is() {
        let pair = [RawJson::parse(b"1.50").unwrap(), RawJson::from(true)];
        let text = serde_json::to_string(&pair).unwrap();
        assert_eq!(text, "[1.50,true]");
        assert_eq!(serde_json::from_str::<[RawJson; 2]>(&text).unwrap(), pair);
    }
}
