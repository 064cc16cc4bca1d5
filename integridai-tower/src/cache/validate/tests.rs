use super::*;
use crate::cache::assess::sample;

const NOW: u64 = 1_800_000_000;
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn stored(lines: &[(&'static str, &str)]) -> Entry {
    let lines: Vec<_> = lines.iter().copied().chain([("cache-control", "max-age=1")]).collect();
    sample(200, &lines, "0123456789", NOW)
}

#[test]
fn the_cache_asks_in_place_of_the_client() {
    let mut request =
        headers(&[("if-none-match", "\"x\""), ("range", "bytes=0-1"), ("if-range", "\"x\""), ("x-a", "1")]);
    ask(&mut request, &stored(&[("etag", "W/\"a\""), ("last-modified", MODIFIED)]));
    let expected = headers(&[("if-none-match", "W/\"a\""), ("if-modified-since", MODIFIED), ("x-a", "1")]);
    assert_eq!(request, expected);
}

#[test]
fn a_304_is_about_what_it_names() {
    for (stored_lines, confirming, expected) in [
        (&[("etag", "\"a\"")][..], &[("etag", "\"a\"")][..], true),
        (&[("etag", "\"a\"")], &[("etag", "\"b\"")], false),
        (&[("etag", "\"a\"")], &[("etag", "W/\"a\"")], true),
        (&[("etag", "\"a\"")], &[], true),
        (&[("last-modified", MODIFIED)], &[("last-modified", MODIFIED)], true),
        (&[("last-modified", MODIFIED)], &[("last-modified", LATER)], false),
        (&[("last-modified", MODIFIED)], &[("etag", "\"a\"")], false),
    ] {
        assert_eq!(
            is_confirmed(&stored(stored_lines), &headers(confirming)),
            expected,
            "{stored_lines:?} {confirming:?}"
        );
    }
}

#[test]
fn a_head_is_about_a_content_of_the_same_length_and_validators() {
    let entry = stored(&[("etag", "\"a\"")]);
    for (lines, expected) in [
        (&[("content-length", "10"), ("etag", "\"a\"")][..], true),
        (&[], true),
        (&[("content-length", "9")], false),
        (&[("etag", "\"b\"")], false),
        (&[("last-modified", MODIFIED)], false),
    ] {
        assert_eq!(is_confirmed_by_head(&entry, &headers(lines)), expected, "{lines:?}");
    }
}

#[test]
fn new_fields_replace_all_lines_of_old_ones_but_those_of_the_framing() {
    let entry = stored(&[("etag", "\"a\""), ("x-a", "1"), ("x-a", "2"), ("x-b", "1"), ("age", "7")]);
    let merged = merged(
        &entry,
        &headers(&[("x-a", "3"), ("content-length", "0"), ("transfer-encoding", "chunked")]),
        NOW,
    );
    let lines = |name: &str| {
        merged.get_all(name).iter().map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (lines("x-a"), lines("x-b"), lines("content-length")),
        (vec!["3".into()], vec!["1".into()], vec!["10".into()])
    );
    assert!(
        lines("age").is_empty() && lines("transfer-encoding").is_empty() && lines("cache-status").is_empty()
    );
    assert_eq!(lines("date").len(), 1);
}
