//! How our types look in a column.
use std::borrow::Cow;
use std::error::Error;

use bytes::{BufMut, BytesMut};
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::store::width::clip;
use crate::store::{ExecutionState, JsonText, KeyAnswer, Priority};
use crate::timestamp::in_utc;

type BoxError = Box<dyn Error + Sync + Send>;

/// The only version of the binary form of JSONB.
const JSONB_VERSION: u8 = 1;

/// UTC without saying so, as the published schema has it.
pub(super) fn timestamp(moment: OffsetDateTime) -> PrimitiveDateTime {
    let moment = in_utc(moment);
    PrimitiveDateTime::new(moment.date(), moment.time())
}

impl ToSql for JsonText {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        if *kind == Type::JSONB {
            out.put_u8(JSONB_VERSION);
            out.put_slice(storable(self.as_str()).as_bytes());
        } else {
            out.put_slice(self.as_bytes());
        }
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::JSON | Type::JSONB)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for JsonText {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        let text = match raw.split_first() {
            Some((&JSONB_VERSION, text)) if *kind == Type::JSONB => text,
            _ => raw,
        };
        Ok(Self::parse(text)?)
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::JSON | Type::JSONB)
    }
}

/// JSONB has no place for a NUL or half of a surrogate pair inside a string, which JSON allows as escapes: each becomes
/// a replacement character.
fn storable(json: &str) -> Cow<'_, str> {
    if !json.contains("\\u0000") && !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (escape, replaced) = escape(&rest[at..]);
        text.push_str(if replaced { "\\ufffd" } else { escape });
        rest = &rest[at + escape.len()..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The escape that the text begins with, both halves of a pair together, and whether it has to be replaced.
fn escape(text: &str) -> (&str, bool) {
    match unit(text) {
        None => (text.get(..2).unwrap_or(text), false),
        Some(0xD800..=0xDBFF) if matches!(unit(&text[6..]), Some(0xDC00..=0xDFFF)) => (&text[..12], false),
        Some(0 | 0xD800..=0xDFFF) => (&text[..6], true),
        Some(_) => (&text[..6], false),
    }
}

fn unit(text: &str) -> Option<u16> {
    text.strip_prefix("\\u")
        .and_then(|digits| digits.get(..4))
        .and_then(|hex| u16::from_str_radix(hex, 16).ok())
}

/// A row's text as its column can hold it: PostgreSQL has no place for a NUL, and the widths are in characters.
pub(super) fn text(text: &str, width: usize) -> Cow<'_, str> {
    let text = clip(text, width);
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// An `INTEGER` of the published schema; what is greater is kept as the greatest.
pub(super) fn integer(value: u64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A `BIGINT`.
pub(super) fn big_integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn priority(priority: Priority) -> i16 {
    priority as i16
}

pub(super) fn priority_of(number: i16) -> Option<Priority> {
    usize::try_from(number).ok().and_then(|index| Priority::ALL.get(index).copied())
}

pub(super) fn state_of(text: &str) -> Option<ExecutionState> {
    ExecutionState::ALL.into_iter().find(|state| state.as_str() == text)
}

pub(super) fn answer_of(text: &str) -> Option<KeyAnswer> {
    KeyAnswer::ALL.into_iter().find(|answer| answer.as_str() == text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_that_jsonb_refuses_are_replaced_and_others_are_kept() {
        for (json, stored) in [
            (r#""a\u0000b""#, r#""a\ufffdb""#),
            (r#""\\u0000""#, r#""\\u0000""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ude00\ud83d\n""#, r#""\ufffd\ufffd\n""#),
            (r#""\uD83Dx\u0000""#, r#""\ufffdx\ufffd""#),
            (r#"["\"\\",1.50]"#, r#"["\"\\",1.50]"#),
        ] {
            assert_eq!(storable(json), stored, "{json}");
        }
    }

    #[test]
    fn text_is_cut_to_its_width_and_holds_no_nul() {
        assert_eq!(text("añ\0b", 3), "añ\u{fffd}");
        assert_eq!(text("plain", 50), "plain");
    }

    proptest! {
        #[test]
        fn whatever_is_json_stays_json(units in prop::collection::vec(prop_oneof![
            Just("\\u0000".to_owned()), Just("\\\\".to_owned()), Just("\\ud83d".to_owned()), Just("\\ude00".to_owned()),
            Just("\\n".to_owned()), "[a-zñ]{1,3}"
        ], 0..12)) {
            let json = format!("\"{}\"", units.concat());
            let stored = storable(&json).into_owned();
            prop_assert!(JsonText::parse(&stored).is_ok());
            prop_assert!(serde_json::from_str::<String>(&stored).is_ok(), "{}", stored);
        }
    }
}
