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
    let mut text = Vec::with_capacity(outcomes.len() * 32);
    for branch in outcomes.iter().filter(|branch| branch.end != BranchEnd::NotStarted) {
        if text.len() + branch.name.len() > MAX_BYTES {
            break;
        }
        separate(&mut text);
        push_token(&mut text, &branch.name);
        text.extend_from_slice(b";dur=");
        push_milliseconds(&mut text, branch.latency.as_micros());
        if !branch.is_success() {
            // A word of a fixed set, which needs no escapes.
            for part in [";desc=\"", branch.end.as_str(), "\""] {
                text.extend_from_slice(part.as_bytes());
            }
        }
    }
    value(text)
}

/// The names of the branches that are missing, as a list of tokens (RFC 9651 §3.1). `None` where none are.
pub(super) fn missing(outcomes: &BranchOutcomes) -> Option<HeaderValue> {
    let mut text = Vec::new();
    for branch in outcomes.missing() {
        if text.len() + branch.name.len() > MAX_BYTES {
            break;
        }
        separate(&mut text);
        push_structured_token(&mut text, &branch.name);
    }
    value(text)
}

fn value(text: Vec<u8>) -> Option<HeaderValue> {
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

fn separate(text: &mut Vec<u8>) {
    if !text.is_empty() {
        text.extend_from_slice(b", ");
    }
}

fn push_token(text: &mut Vec<u8>, name: &str) {
    if name.is_empty() {
        text.push(b'-');
    } else if name.bytes().all(is_token) {
        text.extend_from_slice(name.as_bytes());
    } else {
        let token = |character| u8::try_from(character).ok().filter(|byte| is_token(*byte)).unwrap_or(b'-');
        text.extend(name.chars().map(token));
    }
}

/// A token of a structured field begins with a letter or `*`.
fn push_structured_token(text: &mut Vec<u8>, name: &str) {
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*') {
        text.push(b'*');
    }
    push_token(text, name);
}

fn is_token(byte: u8) -> bool {
    IS_TOKEN[usize::from(byte)]
}

/// RFC 9110 §5.6.2.
const IS_TOKEN: [bool; 256] = {
    let mut is_token = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        is_token[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut mark = 0;
    while mark < marks.len() {
        is_token[marks[mark] as usize] = true;
        mark += 1;
    }
    is_token
};

/// Without trailing zeros, and without floating point or the machinery of formats.
fn push_milliseconds(text: &mut Vec<u8>, microseconds: u128) {
    // 30 years, which no branch takes, are less.
    let microseconds = u64::try_from(microseconds).unwrap_or(u64::MAX);
    push_digits(text, microseconds / 1000, 1);
    let rest = microseconds % 1000;
    if rest > 0 {
        text.push(b'.');
        push_digits(text, rest, 3);
        while text.last() == Some(&b'0') {
            text.pop();
        }
    }
}

/// Of `u64::MAX`.
const MOST_DIGITS: usize = 20;

/// A number in decimal, with so many digits at least.
fn push_digits(text: &mut Vec<u8>, mut number: u64, at_least: usize) {
    let mut digits = [b'0'; MOST_DIGITS];
    let mut first = MOST_DIGITS;
    while first > 0 && number > 0 {
        first -= 1;
        digits[first] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    text.extend_from_slice(&digits[first.min(MOST_DIGITS - at_least)..]);
}
