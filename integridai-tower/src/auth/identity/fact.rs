//! A fact of a principal as the value of a field.

use http::HeaderValue;
use serde_json::Value;

use crate::{Principal, PrincipalKind};

/// What is told of a principal. As a field's value it is visible ASCII; every other byte of its UTF-8, and `%`, is
/// percent-encoded (RFC 3986 §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// [`Principal::subject`].
    Subject,
    /// [`Principal::issuer`].
    Issuer,
    /// [`Principal::tenant`].
    Tenant,
    /// [`Principal::kind`]: `user` or `service`.
    Kind,
    /// [`Principal::scopes`], separated by spaces.
    Scopes,
    /// [`Principal::roles`], separated by spaces.
    Roles,
    /// [`Principal::claim`] of this name: a string as it is, anything else as JSON, `null` not at all.
    Claim(Box<str>),
}

impl Fact {
    /// None where the principal has no such fact, and where its value is empty or longer than `max_len`: what is cut
    /// short would be another fact.
    pub(super) fn value(&self, principal: &Principal, max_len: usize) -> Option<HeaderValue> {
        let mut value = Encoded { text: String::new(), max_len };
        match self {
            Self::Subject => value.word(principal.subject())?,
            Self::Issuer => value.word(principal.issuer()?)?,
            Self::Tenant => value.word(principal.tenant()?)?,
            Self::Kind => value.word(kind(principal.kind()))?,
            Self::Scopes => value.words(principal.scopes())?,
            Self::Roles => value.words(principal.roles())?,
            Self::Claim(name) => match principal.claim(name)? {
                Value::Null => return None,
                Value::String(text) => value.word(text)?,
                json => value.word(&json.to_string())?,
            },
        }
        HeaderValue::try_from(value.text).ok().filter(|value| !value.is_empty())
    }
}

fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::Service => "service",
    }
}

struct Encoded {
    text: String,
    max_len: usize,
}

impl Encoded {
    fn words<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Option<()> {
        for word in words {
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            self.word(word)?;
        }
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        for byte in word.bytes() {
            if byte.is_ascii_graphic() && byte != b'%' {
                self.text.push(char::from(byte));
            } else {
                let digits = [byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)]));
                self.text.push('%');
                self.text.extend(digits);
            }
            if self.text.len() > self.max_len {
                return None;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(fact: &Fact, principal: &Principal) -> Option<String> {
        Some(fact.value(principal, 64)?.to_str().unwrap().to_owned())
    }

    #[test]
    fn each_fact_has_its_value() {
        let principal = Principal::builder("caf\u{e9} 100%")
            .tenant("acme")
            .scopes(["b", "a c"])
            .claim("email", "a@b.example".into())
            .claim("level", 3.into())
            .claim("tags", serde_json::json!(["x", "y z"]))
            .claim("nothing", Value::Null)
            .build();
        let claim = |name: &str| text(&Fact::Claim(name.into()), &principal);
        assert_eq!(text(&Fact::Subject, &principal).as_deref(), Some("caf%C3%A9%20100%25"));
        assert_eq!(text(&Fact::Tenant, &principal).as_deref(), Some("acme"));
        assert_eq!(text(&Fact::Kind, &principal).as_deref(), Some("user"));
        assert_eq!(text(&Fact::Scopes, &principal).as_deref(), Some("a%20c b"));
        assert_eq!(claim("email").as_deref(), Some("a@b.example"));
        assert_eq!(claim("level").as_deref(), Some("3"));
        assert_eq!(claim("tags").as_deref(), Some(r#"["x","y%20z"]"#));
        for absent in [text(&Fact::Issuer, &principal), text(&Fact::Roles, &principal), claim("nothing")] {
            assert_eq!(absent, None);
        }
    }

    #[test]
    fn a_value_that_is_too_long_is_none_and_not_cut() {
        let of = |len: usize| Fact::Subject.value(&Principal::builder("x".repeat(len)).build(), 64);
        assert!(of(64).is_some() && of(65).is_none() && of(0).is_none());
    }

    proptest! {
        #[test]
        fn any_subject_stands_in_a_field_and_is_read_back(subject in "\\PC{1,20}|[\\x00-\\x7f]{1,20}") {
            let value = Fact::Subject.value(&Principal::builder(&*subject).build(), 1000).unwrap();
            prop_assert!(value.as_bytes().iter().all(u8::is_ascii_graphic));
            prop_assert_eq!(decode(value.as_bytes()), subject.as_bytes());
        }
    }

    fn decode(mut value: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        while let Some((first, rest)) = value.split_first() {
            value = rest;
            decoded.push(*first);
            if *first == b'%' {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                *decoded.last_mut().unwrap() = u8::from_str_radix(digits, 16).unwrap();
                value = &rest[2..];
            }
        }
        decoded
    }
}
