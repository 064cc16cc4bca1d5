//! Numbers in fields: those of most ages, lifetimes and lengths are there already.

use std::borrow::Cow;

use http::HeaderValue;

/// So many, from 0 on, with four places each.
const KNOWN: usize = 10_000;
const PLACES: usize = 4;
static DIGITS: [u8; KNOWN * PLACES] = digits();

pub(super) fn text(number: u64) -> Cow<'static, str> {
    known(number).map_or_else(|| Cow::Owned(number.to_string()), Cow::Borrowed)
}

pub(super) fn value(number: u64) -> HeaderValue {
    known(number).map_or_else(|| HeaderValue::from(number), HeaderValue::from_static)
}

fn known(number: u64) -> Option<&'static str> {
    let number = usize::try_from(number).ok().filter(|number| *number < KNOWN)?;
    let zeros = match number {
        0..10 => 3,
        10..100 => 2,
        100..1000 => 1,
        _ => 0,
    };
    std::str::from_utf8(&DIGITS[number * PLACES + zeros..(number + 1) * PLACES]).ok()
}

const fn digits() -> [u8; KNOWN * PLACES] {
    let mut digits = [b'0'; KNOWN * PLACES];
    let mut at = 0;
    while at < digits.len() {
        let mut rest = at / PLACES;
        let mut place = PLACES;
        while place > 0 {
            place -= 1;
            digits[at + place] += (rest % 10) as u8;
            rest /= 10;
        }
        at += PLACES;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_elsewhere() {
        for number in (0..10_010).chain([99_999, u64::from(u32::MAX), u64::MAX]) {
            assert_eq!(text(number), number.to_string());
            assert_eq!(value(number), number.to_string());
        }
    }
}
