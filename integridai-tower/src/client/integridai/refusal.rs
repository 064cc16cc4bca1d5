//! How the services say no: `{success:false, error:"text"}` or `{success:false, error:{code,message,details}}`.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;

use super::figure::{self, Child, Text, Truth};
use crate::client::Refusal;

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    success: Truth,
    #[serde(default)]
    error: ErrorMember,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorMember {
    Text(String),
    Object(Child<ErrorObject>),
}

impl Default for ErrorMember {
    fn default() -> Self {
        Self::Object(Child(None))
    }
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(default)]
    code: Text,
    #[serde(default)]
    message: Text,
}

/// The refusal in an answer, if it says `success: false`, or nothing but an error.
pub(super) fn read(body: &[u8]) -> Option<Refusal> {
    if !may_refuse(body) {
        return None;
    }
    let Envelope { success: Truth(success), error } = figure::read(body).ok()?;
    let refusal = match error {
        ErrorMember::Text(text) => Some(Refusal::new(None, &text)),
        ErrorMember::Object(Child(Some(object))) => {
            Some(Refusal::new(object.code.0.as_deref(), object.message.0.as_deref().unwrap_or("no message")))
        }
        ErrorMember::Object(Child(None)) => None,
    };
    match success {
        Some(true) => None,
        Some(false) => refusal.or_else(|| Some(Refusal::new(None, "no reason given"))),
        None => refusal,
    }
}

// To make a finder costs more than to use it on an answer of the usual size.
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"error\""));
static SUCCESS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"success\""));

/// A scan first: nearly every answer is a good one, and an analysis is worth parsing only once.
fn may_refuse(body: &[u8]) -> bool {
    let is_true = |at: usize| {
        let mut value = body[at + SUCCESS.needle().len()..].iter().filter(|byte| !byte.is_ascii_whitespace());
        value.next() == Some(&b':') && value.next() == Some(&b't')
    };
    ERROR.find(body).is_some() || SUCCESS.find_iter(body).any(|at| !is_true(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_documented_shapes() {
        let text = read(br#"{"success":false,"error":"Campos requeridos: name, cuit, sector"}"#).unwrap();
        assert_eq!(text.message, "Campos requeridos: name, cuit, sector");
        let object = read(br#"{"success":false,"error":{"code":"E1","message":"no","details":{}}}"#).unwrap();
        assert_eq!((object.code.as_deref(), object.message.as_str()), (Some("E1"), "no"));
        assert_eq!(read(br#"{"success":false}"#).unwrap().message, "no reason given");
    }

    #[test]
    fn a_good_answer_is_no_refusal() {
        for body in [r#"{"success":true,"error":null}"#, r#"{"score":1,"ok":false}"#, "[]", "not json", ""] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
        assert_eq!(read(br#"{"success":true,"error":"a warning"}"#), None);
    }
}
