//! Moments as text: RFC 3339, UTC, milliseconds.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A moment in UTC, to the millisecond.
///
/// # Panics
///
/// Never: the format asks for nothing that a moment lacks.
#[must_use]
pub fn format(moment: OffsetDateTime) -> String {
    moment.to_offset(time::UtcOffset::UTC).format(FORMAT).expect("the format asks for date and time only")
}

/// Now.
#[must_use]
pub fn now() -> String {
    format(OffsetDateTime::now_utc())
}
