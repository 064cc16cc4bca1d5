//! Parts of a response (RFC 9110 §14, RFC 9111 §3.3 and §3.4).

use http::HeaderValue;

use super::directives::{members, trimmed};

/// More ranges than this are not worth the work; the whole is sent instead (RFC 9110 §17.15).
const MOST_RANGES: usize = 16;

/// A range as a client asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// From a first byte to a last one, or to the end.
    From(u64, Option<u64>),
    /// So many at the end.
    Last(u64),
}

/// First and last byte, both included.
pub(super) type Span = (u64, u64);

/// Where a stored part stands in the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) total: Option<u64>,
}

impl Part {
    /// Reads `Content-Range`; `None` for another unit, and for what cannot be (RFC 9110 §14.4) or has no end that counts.
    pub(super) fn read(value: &HeaderValue) -> Option<Self> {
        let (unit, rest) = value.to_str().ok()?.split_once(' ')?;
        unit.eq_ignore_ascii_case("bytes").then_some(())?;
        let (span, total) = rest.split_once('/')?;
        let (first, last) = span.split_once('-')?;
        let (first, last) = (number(first.as_bytes())?, number(last.as_bytes())?);
        let total = if total == "*" { None } else { Some(number(total.as_bytes())?) };
        let is_part = first <= last && last < u64::MAX && total.is_none_or(|total| last < total);
        is_part.then_some(Self { first, last, total })
    }

    pub(super) fn len(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The span of the range that this part holds; `None` where it does not hold all of it.
    pub(super) fn hold(&self, range: Range) -> Option<Span> {
        let (first, last) = match (self.total, range) {
            (Some(total), range) => span(range, total)?,
            (None, Range::From(first, Some(last))) => (first, last),
            (None, _) => return None,
        };
        (self.first <= first && last <= self.last).then_some((first, last))
    }
}

/// Reads `Range`; `None` where it is to be ignored: another unit, no valid list, or too many (RFC 9110 §14.2).
pub(super) fn read(value: &HeaderValue) -> Option<Vec<Range>> {
    let text = value.as_bytes();
    let equals = text.iter().position(|&byte| byte == b'=')?;
    let (unit, list) = (&text[..equals], &text[equals + 1..]);
    unit.eq_ignore_ascii_case(b"bytes").then_some(())?;
    let ranges = members(list).map(range).collect::<Option<Vec<_>>>()?;
    (1..=MOST_RANGES).contains(&ranges.len()).then_some(ranges)
}

/// The spans of the ranges that can be met; none where there is no such range.
pub(super) fn spans(ranges: &[Range], total: u64) -> Vec<Span> {
    ranges.iter().filter_map(|range| span(*range, total)).collect()
}

fn range(text: &[u8]) -> Option<Range> {
    let dash = text.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (trimmed(&text[..dash]), trimmed(&text[dash + 1..]));
    if first.is_empty() {
        return number(last).map(Range::Last);
    }
    let first = number(first)?;
    if last.is_empty() {
        return Some(Range::From(first, None));
    }
    let last = number(last)?;
    (first <= last).then_some(Range::From(first, Some(last)))
}

fn span(range: Range, total: u64) -> Option<Span> {
    let end = total.checked_sub(1)?;
    match range {
        Range::From(first, last) => (first <= end).then(|| (first, last.unwrap_or(end).min(end))),
        Range::Last(count) => (count > 0).then(|| (total.saturating_sub(count), end)),
    }
}

fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Option<Vec<Range>> {
        read(&text.parse().unwrap())
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(
            of("bytes=0-1, 5- ,-3"),
            Some(vec![Range::From(0, Some(1)), Range::From(5, None), Range::Last(3)])
        );
        assert_eq!(of("BYTES=2-2"), Some(vec![Range::From(2, Some(2))]));
        for text in [
            "lines=1-2",
            "bytes=4-2",
            "bytes=a-b",
            "bytes=",
            "bytes=-",
            "bytes 2-4",
            "bytes=--4",
            "bytes=1",
            "bytes=0-99999999999999999999",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(of(&format!("bytes={}0-", "0-,".repeat(300))), None);
    }

    #[test]
    fn spans_lie_within_the_whole() {
        let ranges = [Range::From(8, Some(99)), Range::From(10, None), Range::Last(99), Range::Last(0)];
        assert_eq!(spans(&ranges, 10), [(8, 9), (0, 9)]);
        assert_eq!(spans(&ranges, 0), []);
    }

    #[test]
    fn a_part_holds_what_lies_within() {
        let part = Part::read(&HeaderValue::from_static("bytes 4-9/10")).unwrap();
        assert_eq!(
            (part.len(), part.hold(Range::Last(5)), part.hold(Range::From(6, None))),
            (6, Some((5, 9)), Some((6, 9)))
        );
        assert_eq!((part.hold(Range::From(0, Some(5))), part.hold(Range::Last(7))), (None, None));
        let endless = Part::read(&HeaderValue::from_static("bytes 4-9/*")).unwrap();
        assert_eq!(
            (endless.hold(Range::From(4, Some(9))), endless.hold(Range::From(4, None))),
            (Some((4, 9)), None)
        );
        for text in
            ["bytes 9-4/10", "bytes 4-10/10", "bytes */10", "lines 0-1/9", "bytes 4-9", "bytes=4-9/10"]
        {
            assert_eq!(Part::read(&text.parse().unwrap()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[ -~]{0,40}", total: u64) {
            let value: HeaderValue = text.parse().unwrap();
            for (first, last) in spans(&read(&value).unwrap_or_default(), total) {
                prop_assert!(first <= last && last < total);
            }
            let _ = Part::read(&value);
        }
    }
}
