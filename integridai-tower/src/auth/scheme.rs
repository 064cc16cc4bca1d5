//! The credentials in the `Authorization` field (RFC 9110 §11.6.2).

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::Reason;

/// An authentication scheme whose credentials are one token, such as `Bearer` (RFC 6750 §2.1).
///
/// ```
/// use http::HeaderMap;
/// use integridai_tower::auth::{Reason, Scheme};
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(Scheme::BEARER.credentials(&headers), Ok(None));
/// headers.insert("authorization", "bearer mF_9.B5f-4.1JqM".parse()?);
/// assert_eq!(Scheme::BEARER.credentials(&headers), Ok(Some("mF_9.B5f-4.1JqM")));
/// headers.append("authorization", "Basic eDp5".parse()?);
/// assert_eq!(Scheme::BEARER.credentials(&headers), Err(Reason::SeveralCredentials));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    name: &'static str,
    max_len: usize,
}

impl Scheme {
    /// Bearer tokens (RFC 6750) of up to 8 KiB.
    pub const BEARER: Self = Self::new("Bearer");

    /// The scheme of this name, with credentials of up to 8 KiB. A name that is no token (RFC 9110 §11.1) is in no request.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, max_len: 8 * 1024 }
    }

    /// The greatest length of credentials, in bytes.
    #[must_use]
    pub const fn max_len(self, bytes: usize) -> Self {
        Self { name: self.name, max_len: bytes }
    }

    /// How challenges spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The token of a request; none where the field is absent or of another scheme.
    ///
    /// # Errors
    /// [`SeveralCredentials`](Reason::SeveralCredentials) where the field is there twice, whatever the schemes, or is a
    /// list; [`TokenTooLarge`](Reason::TokenTooLarge); [`MalformedCredentials`](Reason::MalformedCredentials) where the
    /// scheme is not followed by spaces and one token68 (RFC 9110 §11.2).
    pub fn credentials(self, headers: &HeaderMap) -> Result<Option<&str>, Reason> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Reason::SeveralCredentials);
        }
        self.parse(value.as_bytes())
    }

    fn parse(self, value: &[u8]) -> Result<Option<&str>, Reason> {
        let name_len = value.iter().position(|byte| !is_token_character(*byte)).unwrap_or(value.len());
        let (name, rest) = value.split_at(name_len);
        if !name.eq_ignore_ascii_case(self.name.as_bytes()) {
            return Ok(None);
        }
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        let token = &rest[spaces..];
        if spaces == 0 || token.is_empty() {
            return Err(Reason::MalformedCredentials);
        }
        if token.len() > self.max_len {
            return Err(Reason::TokenTooLarge);
        }
        match std::str::from_utf8(token) {
            Ok(text) if is_token68(token) => Ok(Some(text)),
            _ if token.contains(&b',') => Err(Reason::SeveralCredentials),
            _ => Err(Reason::MalformedCredentials),
        }
    }
}

/// RFC 9110 §5.6.2.
fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// In few comparisons, each of which can be made with many bytes at a time; only one could be looked up in a table.
const fn is_token68_character(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let is_digit_or_mark = byte.wrapping_sub(b'-') <= b'9' - b'-';
    is_letter | is_digit_or_mark | (byte == b'+') | (byte == b'_') | (byte == b'~')
}

/// RFC 9110 §11.2, which is the b64token of RFC 6750 §2.1.
fn is_token68(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let token = &text[..text.len() - padding];
    // Every byte is looked at, without a branch: that is what a processor does many of at a time.
    !token.is_empty() && token.iter().fold(true, |fits, byte| fits & is_token68_character(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(value: &str) -> Result<Option<&str>, Reason> {
        Scheme::BEARER.max_len(16).parse(value.as_bytes())
    }

    #[test]
    fn case_of_the_scheme_and_number_of_spaces_do_not_matter() {
        for value in ["Bearer abc==", "bearer abc==", "BEARER    abc==", "bEaReR abc=="] {
            assert_eq!(parse(value), Ok(Some("abc==")), "{value}");
        }
    }

    #[test]
    fn another_scheme_is_left_to_others() {
        for value in ["", "Basic eDp5", "Bearerabc", "Bearer-x abc", " Bearer abc", "ApiKey x"] {
            assert_eq!(parse(value), Ok(None), "{value}");
        }
    }

    #[test]
    fn what_is_not_one_token_is_refused() {
        for value in
            ["Bearer", "Bearer ", "Bearer\tabc", "Bearer a b", "Bearer abc ", "Bearer =", "Bearer a=b"]
        {
            assert_eq!(parse(value), Err(Reason::MalformedCredentials), "{value}");
        }
        for value in ["Bearer \"abc\"", "Bearer a\u{e9}", "Bearer \tabc", "Bearer:abc"] {
            assert_eq!(parse(value), Err(Reason::MalformedCredentials), "{value}");
        }
        assert_eq!(parse("Bearer a, Bearer b"), Err(Reason::SeveralCredentials));
        assert_eq!(parse("Bearer 0123456789abcdef"), Ok(Some("0123456789abcdef")));
        assert_eq!(parse("Bearer 0123456789abcdefg"), Err(Reason::TokenTooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut long = b"Bearer ".to_vec();
            long.extend(&value);
            for bytes in [&value, &long] {
                if let Ok(Some(token)) = Scheme::BEARER.parse(bytes) {
                    prop_assert!(is_token68(token.as_bytes()) && bytes.ends_with(token.as_bytes()));
                }
            }
        }

        #[test]
        fn every_b64token_is_taken_as_it_is(token in "[A-Za-z0-9._~+/-]{1,60}={0,3}", spaces in 1..4_usize) {
            let value = format!("bEARER{}{token}", " ".repeat(spaces));
            prop_assert_eq!(Scheme::BEARER.parse(value.as_bytes()), Ok(Some(&*token)));
        }
    }
}
