//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same request, sent again.

use http::HeaderMap;
use http::header::HeaderName;
use sha2::{Digest, Sha256};

/// Names a request, so that it is done once however often it is sent.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Flags an answer that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The greatest length of a key, in characters.
const MAX_LENGTH: usize = 255;

/// The field is there, and is none that the draft allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Idempotency-Key must be one quoted string of 1 to 255 visible characters")]
pub(super) struct Malformed;

/// The key, if there is one: a string as of RFC 9651 §3.3.3, or, as many clients send it, the same without quotes if it has no
/// blank, comma, semicolon, quote or backslash.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<String>, Malformed> {
    let mut fields = headers.get_all(IDEMPOTENCY_KEY).into_iter();
    let Some(field) = fields.next() else { return Ok(None) };
    let text = field.to_str().map_err(|_| Malformed)?.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => quoted(rest)?,
        None => bare(text)?,
    };
    let fits = !key.is_empty() && key.len() <= MAX_LENGTH && fields.next().is_none();
    if fits { Ok(Some(key)) } else { Err(Malformed) }
}

fn quoted(rest: &str) -> Result<String, Malformed> {
    let mut key = String::with_capacity(rest.len());
    let mut characters = rest.chars();
    loop {
        match characters.next() {
            Some('"') if characters.as_str().is_empty() => return Ok(key),
            // Only these two may be escaped.
            Some('\\') => {
                key.push(characters.next().filter(|next| matches!(next, '"' | '\\')).ok_or(Malformed)?);
            }
            Some(character @ ' '..='~') if character != '"' => key.push(character),
            _ => return Err(Malformed),
        }
    }
}

fn bare(text: &str) -> Result<String, Malformed> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
    if text.bytes().all(is_plain) { Ok(text.to_owned()) } else { Err(Malformed) }
}

/// Tells payloads apart: SHA-256 of the document.
pub(super) fn fingerprint(document: &[u8]) -> String {
    use std::fmt::Write;

    let digest = Sha256::digest(document);
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // A string takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn key(field: &str) -> Result<Option<String>, Malformed> {
        read(&HeaderMap::from_iter([(IDEMPOTENCY_KEY, HeaderValue::from_str(field).unwrap())]))
    }

    #[test]
    fn a_key_is_a_string_or_a_plain_word_and_anything_else_is_refused() {
        let good = |field| key(field).unwrap().unwrap();
        assert_eq!(good(r#""8e03978e-40d5-43dd-bc93-6894a57f9324""#), "8e03978e-40d5-43dd-bc93-6894a57f9324");
        assert_eq!(good(r#""a \"b\" \\ c""#), r#"a "b" \ c"#);
        assert_eq!(good("8e03978e"), "8e03978e");
        assert_eq!(good(&format!("\"{}\"", "x".repeat(255))).len(), 255);
        let long = format!("\"{}\"", "x".repeat(256));
        for field in [
            "",
            "\"\"",
            "\"",
            "\"a",
            "a\"",
            "\"a\"b",
            "\"a\", \"b\"",
            "a b",
            "a,b",
            "\"a\";p=1",
            "\"\\n\"",
            &*long,
        ] {
            assert_eq!(key(field), Err(Malformed), "{field}");
        }
        assert_eq!(read(&HeaderMap::new()), Ok(None));
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        }
        assert_eq!(read(&headers), Err(Malformed));
    }

    proptest! {
        #[test]
        fn every_string_that_is_quoted_is_read_as_it_was(text in "[ -~]{1,255}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(key(&quoted), Ok(Some(text)));
        }
    }

    #[test]
    fn a_fingerprint_is_the_published_digest() {
        assert_eq!(fingerprint(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
