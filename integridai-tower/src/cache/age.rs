//! How old a response is (RFC 9111 §4.2.3), in seconds.

use http::HeaderMap;
use http::header::AGE;

use super::directives::{seconds, trimmed};

/// What the caches on the way say: the first member of the first line. What is no number counts for nothing.
pub(super) fn stated(headers: &HeaderMap) -> u64 {
    let first =
        headers.get(AGE).map(|line| line.as_bytes().split(|&byte| byte == b',').next().unwrap_or(b""));
    first.and_then(|member| seconds(trimmed(member))).unwrap_or(0)
}

/// The age of a response when it was received, by its `date` and what is stated.
pub(super) fn at_receipt(date: u64, stated: u64, requested: u64, received: u64) -> u64 {
    let apparent = received.saturating_sub(date);
    let corrected = stated.saturating_add(received.saturating_sub(requested));
    apparent.max(corrected)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> u64 {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AGE, line.parse().unwrap());
        }
        stated(&headers)
    }

    #[test]
    fn the_first_member_of_the_first_line_counts() {
        assert_eq!(of(&["7200, 0"]), 7200);
        assert_eq!(of(&["0, 7200"]), 0);
        assert_eq!(of(&["7200", "0"]), 7200);
        assert_eq!(of(&[" 3600 "]), 3600);
        assert_eq!(of(&["2147483649"]), 2_147_483_649);
        for line in ["abc", "-7200", "7200.0", "7200;a=b", "", "+1"] {
            assert_eq!(of(&[line]), 0, "{line}");
        }
    }

    #[test]
    fn the_way_counts_where_the_date_does_not_tell() {
        assert_eq!(at_receipt(100, 0, 100, 100), 0);
        assert_eq!(at_receipt(90, 0, 100, 103), 13);
        assert_eq!(at_receipt(200, 0, 100, 103), 3);
        assert_eq!(at_receipt(100, 30, 100, 103), 33);
    }

    proptest! {
        #[test]
        fn ages_never_overflow(date: u64, stated: u64, requested: u64, received: u64) {
            let age = at_receipt(date, stated, requested, received);
            prop_assert!(age >= stated);
        }
    }
}
