//! JSON kept as the text it arrived in: valid by construction, serialised once, never parsed again on its way.
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// A valid JSON document as text.
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
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Checks that `text` is one JSON document, and keeps it.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.into()).map(Self)
    }

    /// Serialises `value`.
    ///
    /// # Errors
    /// When the value has no JSON form, such as a map with keys that are not strings.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        to_raw_value(value).map(Self)
    }

    /// The empty array: the steps of an execution that has not begun.
    #[must_use]
    pub fn empty_list() -> Self {
        Self::from(&Value::Array(Vec::new()))
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
        serde_json::from_str(self.as_str())
    }
}

impl From<Box<RawValue>> for JsonText {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw)
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

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
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
