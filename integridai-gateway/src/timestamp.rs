//! Moments as text: RFC 3339, UTC.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment (RFC 3339) that can be written in UTC with the four digits of its year; in UTC.
#[must_use]
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
    (0..=9999).contains(&moment.year()).then_some(moment)
}

/// A moment in UTC, cut to the millisecond: `2026-11-24T10:00:00.250Z`.
///
/// Written by hand: every answer and event has some, and a format description costs twenty times as much.
///
/// # Panics
///
/// Never: digits and separators are ASCII.
#[must_use]
pub fn format(moment: OffsetDateTime) -> String {
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put_seconds(&mut text, moment);
    put(&mut text[20..23], moment.millisecond().into());
    ascii(&text)
}

/// A moment in UTC, cut to the microsecond, as the store keeps it: `2026-11-24T10:00:00.250000Z`.
///
/// # Panics
///
/// Never: digits and separators are ASCII.
#[must_use]
pub fn format_micros(moment: OffsetDateTime) -> String {
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    put_seconds(&mut text, moment);
    put(&mut text[20..26], moment.microsecond());
    ascii(&text)
}

/// At either end of the calendar, where there is no such moment, what it says where it is.
pub(crate) fn in_utc(moment: OffsetDateTime) -> OffsetDateTime {
    moment.checked_to_offset(UtcOffset::UTC).unwrap_or(moment)
}

/// All that stands before the fraction.
fn put_seconds(text: &mut [u8], moment: OffsetDateTime) {
    let moment = in_utc(moment);
    put(&mut text[..4], moment.year().unsigned_abs());
    put(&mut text[5..7], u8::from(moment.month()).into());
    put(&mut text[8..10], moment.day().into());
    put(&mut text[11..13], moment.hour().into());
    put(&mut text[14..16], moment.minute().into());
    put(&mut text[17..19], moment.second().into());
}

fn ascii(text: &[u8]) -> String {
    String::from_utf8(text.to_vec()).expect("digits and separators are ASCII")
}

/// The last digits of a number.
fn put(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

/// Now.
#[must_use]
pub fn now() -> String {
    format(OffsetDateTime::now_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::{datetime, format_description};

    use super::*;

    #[test]
    fn a_moment_of_elsewhere_is_written_in_utc() {
        assert_eq!(format(datetime!(2026-11-24 23:59:59.999_999 -03:00)), "2026-11-25T02:59:59.999Z");
        assert_eq!(format(OffsetDateTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn the_ends_of_the_calendar_are_refused_and_written_all_the_same() {
        for text in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "2026-11-24", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(format(datetime!(9999-12-31 23:59:59 -23:59)), "9999-12-31T23:59:59.000Z");
        assert_eq!(parse("2026-11-24T23:00:00-03:00"), Some(datetime!(2026-11-25 02:00 UTC)));
    }

    proptest! {
        #[test]
        fn every_moment_is_written_as_its_format_says(seconds in 0..253_402_300_800_i64, nanos in 0..1_000_000_000_u32) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap();
            let description =
                format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
            prop_assert_eq!(format(moment), moment.format(description).unwrap());
            let description =
                format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
            prop_assert_eq!(format_micros(moment), moment.format(description).unwrap());
        }
    }
}
