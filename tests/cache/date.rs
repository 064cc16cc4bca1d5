//! Dates in the forms that a message may carry, written relative to the clock of a case.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const LONG_DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// A second, taken apart; years from 1970 on.
struct Parts {
    year: u64,
    month: usize,
    day: u64,
    weekday: usize,
    time: String,
}

/// `{0}`, `{-60}` and `{+60}` are seconds from the start of the case, `{now}` and `{now-60}` from the present; behind
/// `850 ` or `asc ` the two obsolete forms of RFC 9110 §5.6.7. What does not read as a date stays as it is.
pub(crate) fn expand(text: &str, start: u64, now: u64) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
    let Some((inside, after)) = rest.split_once('}') else { return text.to_owned() };
    let rest = expand(after, start, now);
    match date(inside, start, now) {
        Some(date) => format!("{before}{date}{rest}"),
        None => format!("{before}{{{inside}}}{rest}"),
    }
}

fn date(inside: &str, start: u64, now: u64) -> Option<String> {
    let (form, moment) = inside.split_once(' ').unwrap_or(("imf", inside));
    let (base, offset) = moment.strip_prefix("now").map_or((start, moment), |offset| (now, offset));
    let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().ok()? };
    let parts = parts(base.checked_add_signed(offset)?);
    match form {
        "imf" => Some(imf(&parts)),
        "850" => Some(rfc850(&parts)),
        "asc" => Some(asctime(&parts)),
        _ => None,
    }
}

fn imf(parts: &Parts) -> String {
    let Parts { year, month, day, weekday, time } = parts;
    format!("{}, {day:02} {} {year} {time} GMT", DAYS[*weekday], MONTHS[*month])
}

fn rfc850(parts: &Parts) -> String {
    let Parts { year, month, day, weekday, time } = parts;
    format!("{}, {day:02}-{}-{:02} {time} GMT", LONG_DAYS[*weekday], MONTHS[*month], year % 100)
}

fn asctime(parts: &Parts) -> String {
    let Parts { year, month, day, weekday, time } = parts;
    format!("{} {} {day:2} {time} {year}", DAYS[*weekday], MONTHS[*month])
}

fn parts(second: u64) -> Parts {
    let days = second / 86_400;
    let (mut year, mut left) = (1970, days);
    while left >= length_of_year(year) {
        left -= length_of_year(year);
        year += 1;
    }
    let mut month = 0;
    while left >= length_of_month(year, month) {
        left -= length_of_month(year, month);
        month += 1;
    }
    let time = format!("{:02}:{:02}:{:02}", second / 3600 % 24, second / 60 % 60, second % 60);
    let weekday = usize::try_from(days % 7).expect("a weekday is small");
    Parts { year, month, day: left + 1, weekday, time }
}

fn length_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn length_of_month(year: u64, month: usize) -> u64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[test]
fn the_three_forms_of_the_standard_are_written() {
    let start = 784_111_777;
    assert_eq!(expand("{0}", start, start), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(expand("{850 0}", start, start), "Sunday, 06-Nov-94 08:49:37 GMT");
    assert_eq!(expand("{asc 0}", start, start), "Sun Nov  6 08:49:37 1994");
    assert_eq!(expand("{0}", 951_782_400, 0), "Tue, 29 Feb 2000 00:00:00 GMT");
}

#[test]
fn moments_count_from_the_start_or_from_the_present() {
    assert_eq!(
        expand("a {+1} b {now-1}", 9, 61),
        "a Thu, 01 Jan 1970 00:00:10 GMT b Thu, 01 Jan 1970 00:01:00 GMT"
    );
    assert_eq!(expand("{now}", 9, 60), "Thu, 01 Jan 1970 00:01:00 GMT");
    assert_eq!(expand("{x} {", 9, 60), "{x} {");
}
