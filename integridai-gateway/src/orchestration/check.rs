//! Collects what is wrong with a JSON document, field by field.

use serde_json::{Map, Value};

use crate::respond::FieldError;

/// What was found so far. At most 20 are kept.
#[derive(Debug, Default)]
pub struct Check {
    errors: Vec<FieldError>,
}

/// The pointer to an object and a member's name: joined only where something is wrong.
pub type Place<'a> = (&'a str, &'a str);

impl Check {
    const MAX_ERRORS: usize = 20;

    /// Something is wrong with the field at this pointer (RFC 6901): what was expected.
    pub fn note(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.errors.len() < Self::MAX_ERRORS {
            self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        }
    }

    /// The same of a member of an object.
    pub fn note_at(&mut self, (object, name): Place<'_>, detail: impl Into<String>) {
        self.note(format!("{object}/{name}"), detail);
    }

    /// Whether this very field is known to be wrong.
    #[must_use]
    pub fn found(&self, pointer: &str) -> bool {
        self.errors.iter().any(|error| error.pointer == pointer)
    }

    pub(super) fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    /// An object that must be there; empty if it is not.
    pub fn object(&mut self, pointer: &str, value: Option<Value>) -> Map<String, Value> {
        if let Some(Value::Object(fields)) = value {
            return fields;
        }
        self.note(pointer, if value.is_none() { "required: an object" } else { "expected an object" });
        Map::new()
    }

    /// Notes every member that is not known.
    pub fn only_known(&mut self, pointer: &str, fields: &Map<String, Value>, known: &[&str]) {
        for unknown in fields.keys().filter(|key| !known.contains(&key.as_str())) {
            let token: String =
                unknown.chars().take(64).collect::<String>().replace('~', "~0").replace('/', "~1");
            self.note(format!("{pointer}/{token}"), format!("unknown; known are {}", known.join(", ")));
        }
    }

    /// A text that must be there, trimmed, not empty, of at most `max` characters and without control characters.
    pub fn text(&mut self, at: Place<'_>, value: Option<&Value>, max: usize) -> Option<String> {
        let text = match value {
            Some(Value::String(text)) => text.trim(),
            Some(_) => "",
            None => {
                self.note_at(at, "required: a string");
                return None;
            }
        };
        let fits = !text.is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control);
        if !fits {
            self.note_at(at, format!("expected a string of 1 to {max} characters"));
        }
        fits.then(|| text.to_owned())
    }

    /// The same of a text that may be absent or `null`.
    pub fn optional_text(&mut self, at: Place<'_>, value: Option<&Value>, max: usize) -> Option<String> {
        match value {
            None | Some(Value::Null) => None,
            some => self.text(at, some, max),
        }
    }

    /// A truth value; false if it is absent.
    pub fn optional_bool(&mut self, pointer: &str, value: Option<&Value>) -> bool {
        match value {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.note(pointer, "expected true or false");
                false
            }
        }
    }
}
