//! Conditions of clients, decided over what is stored (RFC 9110 §13.1, RFC 9111 §4.3.2).

use http::header::{
    AGE, CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, VARY,
};
use http::{HeaderMap, HeaderValue};

use super::date;
use super::directives::members;

/// Whether the client has what is stored: then it gets a 304. `date` and `now` are seconds.
pub(super) fn is_not_modified(request: &HeaderMap, stored: &HeaderMap, date: u64, now: u64) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        // Then If-Modified-Since does not count (RFC 9110 §13.1.3).
        return names_tag(request, stored.get(ETAG));
    }
    let mut lines = request.get_all(IF_MODIFIED_SINCE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let modified =
        stored.get(LAST_MODIFIED).and_then(|line| date::read(line.as_bytes(), now)).unwrap_or(date);
    date::read(line.as_bytes(), now).is_some_and(|since| modified <= since)
}

/// Whether the range that a request asks for is one of what is stored (RFC 9110 §13.1.5): always without a condition.
pub(super) fn range_applies(request: &HeaderMap, stored: &HeaderMap, date: u64, now: u64) -> bool {
    let Some(condition) = request.get(IF_RANGE).map(HeaderValue::as_bytes) else { return true };
    if condition.starts_with(b"\"") || condition.starts_with(b"W/") {
        return stored.get(ETAG).is_some_and(|tag| is_strong(tag) && tag.as_bytes() == condition);
    }
    let Some(modified) = stored.get(LAST_MODIFIED) else { return false };
    let (Some(asked), Some(modified)) = (date::read(condition, now), date::read(modified.as_bytes(), now))
    else {
        return false;
    };
    // A date is a strong validator a second after the change it tells of (RFC 9110 §8.8.2.2).
    asked == modified && date > modified
}

/// Whether it tells apart any two contents (RFC 9110 §8.8.1).
pub(super) fn is_strong(tag: &HeaderValue) -> bool {
    tag.as_bytes().starts_with(b"\"")
}

/// Whether both are the same tag, weak or not (RFC 9110 §8.8.3.2).
pub(super) fn is_same_tag(one: &[u8], two: &[u8]) -> bool {
    opaque(one) == opaque(two)
}

/// The fields of a 304 (RFC 9110 §15.4.5); without a tag, the date that clients keep instead of one.
pub(super) fn fields_of_304(headers: &mut HeaderMap) {
    const KEPT: [HeaderName; 7] = [AGE, CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, VARY];
    let dropped: Vec<HeaderName> = headers
        .keys()
        .filter(|name| !KEPT.contains(name) && name.as_str() != "cache-status")
        .cloned()
        .collect();
    let modified = if headers.contains_key(ETAG) { None } else { headers.get(LAST_MODIFIED).cloned() };
    for name in dropped {
        headers.remove(name);
    }
    if let Some(modified) = modified {
        headers.insert(LAST_MODIFIED, modified);
    }
}

fn names_tag(request: &HeaderMap, tag: Option<&HeaderValue>) -> bool {
    let mut asked = request.get_all(IF_NONE_MATCH).iter().flat_map(|line| members(line.as_bytes()));
    asked.any(|asked| asked == b"*" || tag.is_some_and(|tag| is_same_tag(asked, tag.as_bytes())))
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn not_modified(request: &[(&'static str, &str)], stored: &[(&'static str, &str)]) -> bool {
        is_not_modified(&headers(request), &headers(stored), NOW, NOW)
    }

    #[test]
    fn tags_are_compared_weakly() {
        let stored = [("etag", "\"a\"")];
        for asked in ["\"a\"", "W/\"a\"", "*", "\"x\", \"a\"", "\"x,y\" ,W/\"a\",\"b\""] {
            assert!(not_modified(&[("if-none-match", asked)], &stored), "{asked}");
        }
        for asked in ["\"b\"", "a", "\"A\"", "\"a", "", "w/\"a\""] {
            assert!(!not_modified(&[("if-none-match", asked)], &stored), "{asked}");
        }
        assert!(not_modified(&[("if-none-match", "\"x\""), ("if-none-match", "\"a\"")], &stored));
        assert!(!not_modified(&[("if-none-match", "\"a\"")], &[]));
    }

    #[test]
    fn dates_count_where_no_tags_are_asked_for() {
        let stored = [("last-modified", MODIFIED), ("etag", "\"a\"")];
        for (asked, expected) in [(MODIFIED, true), (LATER, true), (EARLIER, false), ("foo", false)] {
            assert_eq!(not_modified(&[("if-modified-since", asked)], &stored), expected, "{asked}");
        }
        assert!(!not_modified(&[("if-modified-since", MODIFIED), ("if-none-match", "\"b\"")], &stored));
        assert!(not_modified(&[("if-modified-since", "Fri, 15 Jan 2027 08:00:00 GMT")], &[]));
        assert!(!not_modified(&[("if-modified-since", MODIFIED), ("if-modified-since", MODIFIED)], &stored));
    }

    #[test]
    fn ranges_are_of_the_same_content_or_do_not_apply() {
        let applies = |asked: &str, stored: &[(&'static str, &str)]| {
            range_applies(&headers(&[("if-range", asked)]), &headers(stored), NOW, NOW)
        };
        assert!(applies("\"a\"", &[("etag", "\"a\"")]));
        assert!(!applies("\"b\"", &[("etag", "\"a\"")]));
        assert!(!applies("W/\"a\"", &[("etag", "W/\"a\"")]));
        assert!(applies(MODIFIED, &[("last-modified", MODIFIED)]));
        assert!(!applies(LATER, &[("last-modified", MODIFIED)]));
        assert!(!applies("foo", &[("etag", "\"a\"")]));
        assert!(range_applies(&HeaderMap::new(), &HeaderMap::new(), NOW, NOW));
    }
}
