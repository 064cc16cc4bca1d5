//! Fields that are comma-separated lists: `tracestate` and `baggage`.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The members of all fields of this name in their order, without the white space around them; empty ones are left
/// out. Several fields of one name are one list (RFC 9110 §5.3).
pub(super) fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).flat_map(split)
}

/// The members of one text.
pub(super) fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// Without the optional white space (RFC 9110 §5.6.3) around it: spaces and tabs, nothing else.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = text.iter().position(is_text).unwrap_or(text.len());
    let end = text.iter().rposition(is_text).map_or(start, |last| last + 1);
    &text[start..end]
}

/// Splits at the first such byte.
pub(super) fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = text.iter().position(|byte| *byte == at)?;
    Some((&text[..position], &text[position + 1..]))
}

/// What was found to be ASCII, as text.
pub(super) fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).expect("only ASCII passed the grammar")
}
