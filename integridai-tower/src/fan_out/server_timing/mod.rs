//! `Server-Timing` (W3C Server Timing §4) and the names of branches on the wire.

use http::HeaderValue;

use crate::{BranchEnd, BranchOutcomes};

#[cfg(test)]
mod tests;

/// About the longest that a field gets: names may come from clients, and receivers refuse long heads.
const MAX_BYTES: usize = 2048;

/// What `Server-Timing` says of the branches that began: `orders;dur=12.345, prices;dur=300;desc="timed_out"`.
///
/// A branch bears its name, with `-` for every character that a token may not have (RFC 9110 §5.6.2); `dur` is in milliseconds;
/// `desc` tells how it ended, where that was not well. What does not fit into some 2 KiB is left out. `None` where no branch began.
#[must_use]
pub fn server_timing(outcomes: &BranchOutcomes) -> Option<HeaderValue> {
    let mut text = String::with_capacity(outcomes.len() * 32);
    for branch in outcomes.iter().filter(|branch| branch.end != BranchEnd::NotStarted) {
        if text.len() + branch.name.len() > MAX_BYTES {
            break;
        }
        separate(&mut text);
        push_token(&mut text, &branch.name);
        text.push_str(";dur=");
        push_milliseconds(&mut text, branch.latency.as_micros());
        if !branch.is_success() {
            // A word of a fixed set, which needs no escapes.
            text.extend([";desc=\"", branch.end.as_str(), "\""]);
        }
    }
    value(text)
}

/// The names of the branches that are missing, as a list of tokens (RFC 9651 §3.1). `None` where none are.
pub(super) fn missing(outcomes: &BranchOutcomes) -> Option<HeaderValue> {
    let mut text = String::new();
    for branch in outcomes.missing() {
        if text.len() + branch.name.len() > MAX_BYTES {
            break;
        }
        separate(&mut text);
        push_structured_token(&mut text, &branch.name);
    }
    value(text)
}

fn value(text: String) -> Option<HeaderValue> {
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push_str(", ");
    }
}

fn push_token(text: &mut String, name: &str) {
    if name.is_empty() {
        text.push('-');
    } else if name.bytes().all(is_token) {
        text.push_str(name);
    } else {
        let is_token = |character| u8::try_from(character).is_ok_and(is_token);
        text.extend(name.chars().map(|character| if is_token(character) { character } else { '-' }));
    }
}

/// A token of a structured field begins with a letter or `*`.
fn push_structured_token(text: &mut String, name: &str) {
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*') {
        text.push('*');
    }
    push_token(text, name);
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Without trailing zeros, and without floating point.
fn push_milliseconds(text: &mut String, microseconds: u128) {
    // 30 years, which no branch takes, are less.
    let microseconds = u64::try_from(microseconds).unwrap_or(u64::MAX);
    let (whole, mut rest, mut unit) = (microseconds / 1000, microseconds % 1000, 100);
    push_number(text, whole);
    if rest > 0 {
        text.push('.');
    }
    while rest > 0 {
        push_digit(text, rest / unit);
        rest %= unit;
        unit /= 10;
    }
}

fn push_number(text: &mut String, number: u64) {
    let mut power = 1;
    while number / power >= 10 {
        power *= 10;
    }
    while power > 0 {
        push_digit(text, number / power % 10);
        power /= 10;
    }
}

fn push_digit(text: &mut String, digit: u64) {
    text.extend(u32::try_from(digit).ok().and_then(|digit| char::from_digit(digit, 10)));
}
