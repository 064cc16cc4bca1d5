//! JSON kept as the text it arrived in: valid by construction, serialised once, never parsed again on its way.
use std::fmt;

use bytes::Bytes;
use integridai_tower::client::integridai::RawJson;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A valid JSON document as text. A clone shares it.
///
/// It serialises as the document itself, so a row read from the store can be nested into an answer as it is.
///
/// ```
/// use integridai_gateway::store::JsonText;
///
/// let steps = JsonText::parse(r#"[{"step":"regtech"}]"#)?;
/// assert_eq!(serde_json::to_string(&steps)?, r#"[{"step":"regtech"}]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(RawJson);

impl JsonText {
    /// Checks that `text` is one JSON document, and keeps it.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, serde_json::Error> {
        RawJson::parse(text.as_ref()).map(Self)
    }

    /// Reads `text` as one JSON document, and keeps it beside what it says.
    ///
    /// # Errors
    /// When it is not JSON, or holds a number that a [`Value`] cannot.
    pub fn read(text: &str) -> Result<(Self, Value), serde_json::Error> {
        RawJson::read(text).map(|(raw, value)| (Self(raw), value))
    }

    /// Serialises `value`.
    ///
    /// # Errors
    /// When the value has no JSON form, such as a map with keys that are not strings.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        RawJson::from_serialize(value).map(Self)
    }

    /// The empty array: the steps of an execution that has not begun.
    #[must_use]
    pub fn empty_list() -> Self {
        Self::from(&Value::Array(Vec::new()))
    }

    /// The text as bytes, shared.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.0.to_bytes()
    }

    /// The text as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads the document as a `T`.
    ///
    /// # Errors
    /// When the document has another shape, or holds a number that `T` cannot.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.as_bytes())
    }
}

impl From<RawJson> for JsonText {
    fn from(raw: RawJson) -> Self {
        Self(raw)
    }
}

impl AsRef<RawJson> for JsonText {
    fn as_ref(&self) -> &RawJson {
        &self.0
    }
}

impl From<&Value> for JsonText {
    fn from(value: &Value) -> Self {
        Self::from_serialize(value).expect("a Value has string keys and finite numbers, so it serialises")
    }
}

impl From<Value> for JsonText {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_json_is_refused() {
        for text in ["", "{", "nul", "{} {}", "{'a':1}"] {
            assert!(JsonText::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn text_is_kept_as_it_came_without_the_white_space_around_it() {
        let text = JsonText::parse(" {\"b\": 1.50, \"a\":\"\\u0000\"}\n").unwrap();
        assert_eq!(text.as_str(), r#"{"b": 1.50, "a":"\u0000"}"#);
    }

    #[test]
    fn values_of_our_own_become_text_and_can_be_read_back() {
        let value = serde_json::json!({"steps": [1, 2], "ok": true});
        assert_eq!(JsonText::from(&value).decode::<Value>().unwrap(), value);
        assert_eq!(JsonText::empty_list().as_str(), "[]");
    }
}
