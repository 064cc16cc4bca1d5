//! A JSON object written member by member, around JSON that is there already.

use serde::Serialize;

use super::RawJson;

/// Writes a JSON object. Names are taken as they are: they have to differ, and are plain text without escapes.
///
/// ```
/// use integridai_tower::client::integridai::{JsonObject, RawJson};
///
/// let analysis = RawJson::parse(br#"{"score": 85.50}"#)?;
/// let object = JsonObject::default().member("success", &true)?.json("analysis", &analysis).end();
/// assert_eq!(object.get(), r#"{"success":true,"analysis":{"score": 85.50}}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct JsonObject {
    text: Vec<u8>,
}

impl JsonObject {
    /// An object for which there is room: about this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { text: Vec::with_capacity(bytes) }
    }

    /// Adds a member.
    ///
    /// # Errors
    ///
    /// When the value has no JSON form, such as a map with keys that are not strings.
    pub fn member<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<Self, serde_json::Error> {
        self.name(name);
        serde_json::to_writer(&mut self.text, value)?;
        Ok(self)
    }

    /// Adds a member whose value is JSON already.
    pub fn json(mut self, name: &'static str, value: &RawJson) -> Self {
        self.name(name);
        self.text.extend_from_slice(value.as_bytes());
        self
    }

    /// The whole object.
    #[must_use]
    pub fn end(mut self) -> RawJson {
        if self.text.is_empty() {
            self.text.push(b'{');
        }
        self.text.push(b'}');
        RawJson::written(self.text)
    }

    fn name(&mut self, name: &'static str) {
        debug_assert!(!name.contains(['"', '\\']) && !name.contains(char::is_control));
        self.text.push(if self.text.is_empty() { b'{' } else { b',' });
        self.text.push(b'"');
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json() {
        assert_eq!(JsonObject::default().end().get(), "{}");
        let object = JsonObject::default().member("a", "é\"\n").unwrap().member("b", &[0.5]).unwrap().end();
        assert_eq!(RawJson::parse(object.as_bytes()).unwrap(), object);
    }
}
