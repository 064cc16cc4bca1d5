//! HTTP dates (RFC 9110 §5.6.7), as seconds since 1970-01-01 UTC.

use http::HeaderValue;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The first day of 1970 was a Thursday.
const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const DAY: u64 = 86_400;
const YEAR: u64 = 31_556_952;

/// Reads any of the three formats, names in any case. `now` decides which century a two-digit year is of.
///
/// The name of the day need not fit the date. What is before 1970 counts as 1970.
pub(super) fn read(text: &[u8], now: u64) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    imf_fixdate(text).or_else(|| asctime(text)).or_else(|| rfc850(text, now))
}

/// Writes the format that senders use.
pub(super) fn print(seconds: u64) -> HeaderValue {
    HeaderValue::from_bytes(&text(seconds))
        .unwrap_or_else(|_| HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// The same as text.
pub(super) fn text(seconds: u64) -> [u8; 29] {
    let seconds = seconds.min(253_402_300_799);
    let (days, time) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    text[..3].copy_from_slice(&DAYS[(days % 7) as usize].as_bytes()[..3]);
    text[8..11].copy_from_slice(MONTHS[month - 1].as_bytes());
    let numbers = [
        (5, day),
        (12, year / 100),
        (14, year % 100),
        (17, time / 3600),
        (20, time / 60 % 60),
        (23, time % 60),
    ];
    for (at, number) in numbers {
        text[at] = b'0' + (number / 10) as u8;
        text[at + 1] = b'0' + (number % 10) as u8;
    }
    text
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<u64> {
    let (day_name, rest) = text.split_at_checked(3)?;
    let rest = rest.strip_prefix(", ")?;
    is_day(day_name).then_some(())?;
    let [day, month, year, time, zone] = parts(rest)?;
    zone.eq_ignore_ascii_case("GMT").then_some(())?;
    seconds(digits(year, 4)?, month_of(month)?, digits(day, 2)?, time)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<u64> {
    let (day_name, rest) = text.split_at_checked(3)?;
    is_day(day_name).then_some(())?;
    let (month, rest) = rest.strip_prefix(' ')?.split_at_checked(3)?;
    let (day, rest) = rest.strip_prefix(' ')?.split_at_checked(2)?;
    let day = match day.strip_prefix(' ') {
        Some(day) => digits(day, 1)?,
        None => digits(day, 2)?,
    };
    let (time, year) = rest.strip_prefix(' ')?.split_once(' ')?;
    seconds(digits(year, 4)?, month_of(month)?, day, time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`; a date that would be more than 50 years ahead is of the century before.
fn rfc850(text: &str, now: u64) -> Option<u64> {
    let (day_name, rest) = text.split_once(", ")?;
    DAYS.iter().any(|day| day.eq_ignore_ascii_case(day_name)).then_some(())?;
    let (date, rest) = rest.split_once(' ')?;
    let (time, zone) = rest.split_once(' ')?;
    zone.eq_ignore_ascii_case("GMT").then_some(())?;
    let (day, date) = date.split_once('-')?;
    let (month, year) = date.split_once('-')?;
    let (day, month, year) = (digits(day, 2)?, month_of(month)?, digits(year, 2)?);
    let century = civil(now / DAY).0 / 100 * 100;
    let ahead = seconds(century + 100 + year, month, day, time)?;
    let candidates = [Some(ahead), seconds(century + year, month, day, time)];
    let in_time = candidates.into_iter().flatten().find(|&date| date <= now.saturating_add(50 * YEAR));
    in_time.or_else(|| seconds(century.saturating_sub(100) + year, month, day, time))
}

fn parts(text: &str) -> Option<[&str; 5]> {
    let mut parts = text.split(' ');
    let found = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

/// Whether it is the short name of a day.
fn is_day(name: &str) -> bool {
    DAYS.iter().any(|day| day[..3].eq_ignore_ascii_case(name))
}

fn month_of(name: &str) -> Option<usize> {
    MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name)).map(|at| at + 1)
}

fn digits(text: &str, count: usize) -> Option<u64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn seconds(year: u64, month: usize, day: u64, time: &str) -> Option<u64> {
    let mut clock = time.split(':').map(|part| digits(part, 2));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_time = hour < 24 && minute < 60 && second <= 60 && clock.next().is_none();
    if !is_time || day == 0 || day > days_in(year, month) {
        return None;
    }
    if year < 1970 {
        return Some(0);
    }
    Some(days_before(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: usize) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// From 1970-01-01; the year is not before.
fn days_before(year: u64, month: usize, day: u64) -> u64 {
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let years = 365 * (year - 1970) + leaps(year - 1) - leaps(1969);
    years + (1..month).map(|month| days_in(year, month)).sum::<u64>() + day - 1
}

/// Year, month and day of a day since 1970-01-01, by years that begin in March, so that the leap day is their last.
fn civil(days: u64) -> (u64, usize, u64) {
    const OF_400_YEARS: u64 = 146_097;
    const BEFORE_1970: u64 = 719_468;
    let days = days + BEFORE_1970;
    let (centuries, day) = (days / OF_400_YEARS, days % OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months of 31 and 30 days alternate so that five of them have 153.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, is_next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * centuries + year + is_next, month as usize, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const EXAMPLE: u64 = 784_111_777;

    fn of(text: &str) -> Option<u64> {
        read(text.as_bytes(), NOW)
    }

    #[test]
    fn the_three_formats_are_read_in_any_case() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "SUN, 06 NOV 1994 08:49:37 gmt",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "sunday, 06-nov-94 08:49:37 gmt",
            "Sun Nov  6 08:49:37 1994",
            "sUN nOV 06 08:49:37 1994",
        ] {
            assert_eq!(of(text), Some(EXAMPLE), "{text}");
        }
        assert_eq!(of("Thursday, 18-Aug-50 02:01:18 GMT"), of("Thu, 18 Aug 2050 02:01:18 GMT"));
        assert_eq!(of("Tue, 19 Jan 2038 14:14:08 GMT"), Some(2_147_523_248));
        assert_eq!(of("Thu, 01 Jan 1950 00:00:00 GMT"), Some(0));
    }

    #[test]
    fn everything_else_is_no_date() {
        for text in [
            "",
            "0",
            "foo",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18 AEST",
            "Thu, 18 Aug 50 02:01:18 GMT",
            "Thu 18 Aug 2050 02:01:18 GMT",
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02.01.18 GMT",
            "Thu, 18 Aug 2050 2:01:18 GMT",
            "Thu, 18 Aug 2050 02:01 GMT",
            "Thu, 18 Aug 2050 24:01:18 GMT",
            "Thu, 31 Feb 2050 02:01:18 GMT",
            "Thu, 00 Feb 2050 02:01:18 GMT",
            "Foo, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 Foo 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18",
            "Thu, 18-Aug-50 02:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18 GMT x",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<Vec<u8>>(), now in any::<u64>()) {
            let _ = read(&text, now.min(1 << 40));
        }

        #[test]
        fn what_is_printed_is_read(seconds in 0_u64..253_402_300_800) {
            prop_assert_eq!(read(print(seconds).as_bytes(), NOW), Some(seconds));
        }

        #[test]
        fn dates_near_now_have_two_digits_for_their_year(seconds in NOW - 40 * YEAR..NOW + 40 * YEAR) {
            let (days, time) = (seconds / DAY, seconds % DAY);
            let (year, month, day) = civil(days);
            let text = format!(
                "{}, {day:02}-{}-{:02} {:02}:{:02}:{:02} GMT",
                DAYS[(days % 7) as usize], MONTHS[month - 1], year % 100, time / 3600, time / 60 % 60, time % 60
            );
            prop_assert_eq!(of(&text), Some(seconds));
        }
    }
}
