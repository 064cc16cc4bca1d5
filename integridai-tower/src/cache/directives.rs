//! A list of directives, `name`, `name=token` or `name="quoted"`, as `Cache-Control` has them (RFC 9111 §5.2).

use std::borrow::Cow;

/// The largest number of seconds that is told apart; whatever is greater counts as this one (RFC 9111 §1.2.2).
pub(super) const MAX_SECONDS: u64 = 1 << 40;

/// A directive as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    pub(super) name: &'a [u8],
    /// Without its quotation marks; `None` where there is no `=`.
    pub(super) value: Option<Cow<'a, [u8]>>,
}

impl<'a> Directive<'a> {
    fn read(text: &'a [u8]) -> Self {
        let Some(equals) = text.iter().position(|&byte| byte == b'=') else {
            return Self { name: text, value: None };
        };
        Self { name: &text[..equals], value: Some(unquoted(&text[equals + 1..])) }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// A number of seconds (RFC 9111 §1.2.2): digits only, as many as there are. `None` for anything else.
    pub(super) fn seconds(&self) -> Option<u64> {
        seconds(self.value.as_deref()?)
    }
}

/// All directives of a field, over all its lines.
pub(super) fn directives<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Directive<'a>> {
    lines.into_iter().flat_map(members).map(Directive::read)
}

/// The members of a comma-separated list, without the white space around them; commas within quotation marks are part
/// of a member, and empty members are skipped (RFC 9110 §5.6.1).
pub(super) fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_member(text);
        rest = text.get(end + 1..);
        Some(trimmed(&text[..end]))
    })
    .filter(|member| !member.is_empty())
}

/// Digits only, as many as there are.
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = text
        .iter()
        .fold(0_u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(value.min(MAX_SECONDS))
}

pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

fn end_of_member(text: &[u8]) -> usize {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// What is not a whole quoted string stays as it is.
fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(text) = value.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")) else {
        return Cow::Borrowed(value);
    };
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(if byte == b'\\' { *bytes.next().unwrap_or(&byte) } else { byte });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(line: &str) -> Vec<String> {
        directives([line.as_bytes()]).map(|found| String::from_utf8_lossy(found.name).into_owned()).collect()
    }

    #[test]
    fn commas_within_quotation_marks_divide_nothing() {
        assert_eq!(names(r#"a="x, b=1", c"#), ["a", "c"]);
        assert_eq!(names(r#"a="x\", b=1", c"#), ["a", "c"]);
        assert_eq!(names(", ,a,\t b ,"), ["a", "b"]);
        assert_eq!(names(r#"a="x, b"#), ["a"]);
    }

    #[test]
    fn seconds_are_digits_and_nothing_else() {
        let read = |text: &str| directives([text.as_bytes()]).next().and_then(|found| found.seconds());
        assert_eq!(read("a=10"), Some(10));
        assert_eq!(read("a=\"10\""), Some(10));
        assert_eq!(read("a=0010"), Some(10));
        assert_eq!(read("a=99999999999999999999999"), Some(MAX_SECONDS));
        for text in ["a", "a=", "a=-1", "a=1.0", "a= 1", "a='1'", "a=1s", "a=\"1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(lines in proptest::collection::vec(any::<Vec<u8>>(), 0..4)) {
            for found in directives(lines.iter().map(Vec::as_slice)) {
                let _ = (found.seconds(), found.is("max-age"));
            }
        }

        #[test]
        fn what_is_printed_is_read(members in proptest::collection::vec(("[a-z-]{1,12}", "[ -~]{0,12}"), 0..6)) {
            let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
            let printed: Vec<String> =
                members.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
            let line = printed.join(" ,");
            let read: Vec<(String, String)> = directives([line.as_bytes()])
                .map(|found| {
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    (text(found.name), text(&found.value.unwrap()))
                })
                .collect();
            prop_assert_eq!(read, members);
        }
    }
}
