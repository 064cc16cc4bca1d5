use std::error::Error;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};

use tracing::field::{Field, Visit};

/// Names that each line uses for itself.
const RESERVED: [&str; 4] = ["timestamp", "level", "target", "message"];

/// The fields of a span or an event, and the event's message.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) named: Vec<(&'static str, Value)>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// A number or a truth value, written as in JSON.
    Plain(String),
}

impl Value {
    /// As it is.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Plain(text) => text,
        }
    }
}

impl Fields {
    /// Span fields can be recorded again: the last value counts.
    fn set(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        match self.named.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.named.push((name, value)),
        }
    }

    fn set_text(&mut self, field: &Field, text: String) {
        if field.name() == "message" {
            self.message = text;
        } else {
            self.set(field, Value::Text(text));
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let plain = serde_json::Number::from_f64(value)
            .map_or_else(|| "null".to_owned(), |number| number.to_string());
        self.set(field, Value::Plain(plain));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Value::Plain(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Value::Plain(value.to_string()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            write!(text, ": {error}").expect("a string takes all that is written");
            cause = error.source();
        }
        self.set(field, Value::Text(text));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set_text(field, format!("{value:?}"));
    }
}

/// All that a line says beside its reserved names: the spans' fields from the root on, then the event's. Where a
/// name comes twice, the inner one counts.
pub(super) fn visible<'a>(
    spans: &[&'a [(&'static str, Value)]],
    event: &'a [(&'static str, Value)],
) -> Vec<(&'static str, &'a Value)> {
    let mut visible: Vec<(&'static str, &'a Value)> = Vec::new();
    for (name, value) in spans.iter().copied().flatten().chain(event) {
        match visible.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => visible.push((name, value)),
        }
    }
    visible
}

/// A digest of all that a line says.
pub(super) fn digest(message: &str, fields: &[(&'static str, &Value)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.hash(&mut hasher);
    for (name, value) in fields {
        (name, value.as_str()).hash(&mut hasher);
    }
    hasher.finish()
}

pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}
