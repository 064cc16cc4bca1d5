use std::sync::Arc;

use http::Request;
use proptest::prelude::*;

use super::*;
use crate::cache::assess::sample;
use crate::cache::plan::Signs;
use crate::cache::rules::Rules;

const NOW: u64 = 1_800_000_000;
const DIGITS: &str = "0123456789";

fn answer(entry: &Entry, lines: &[(&'static str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let request =
        lines.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
    let (head, ()) = request.body(()).unwrap().into_parts();
    let asked = Asked::of(&head.method, &Signs::of(&head.headers), &head.headers, &Rules::shared());
    let Reply { status, headers, content } =
        reply(entry, &asked, &head.headers, NOW, None, &Arc::from("test"));
    let content = match content {
        Content::Empty => Vec::new(),
        Content::Whole { bytes, .. } => bytes.to_vec(),
        Content::Pieces(pieces) => pieces.concat(),
    };
    (status.as_u16(), headers, content)
}

fn whole() -> Entry {
    let lines =
        [("cache-control", "max-age=10"), ("etag", "\"a\""), ("content-type", "text/plain"), ("x-a", "1")];
    sample(200, &lines, DIGITS, NOW)
}

#[test]
fn a_hit_has_the_stored_fields_and_those_of_the_cache() {
    let (status, headers, content) = answer(&whole(), &[]);
    assert_eq!((status, &content[..]), (200, DIGITS.as_bytes()));
    for (name, value) in
        [("age", "0"), ("cache-status", "test; hit; ttl=10"), ("content-length", "10"), ("x-a", "1")]
    {
        assert_eq!(headers[name], value, "{name}");
    }
}

#[test]
fn a_304_has_the_fields_that_it_should() {
    let (status, headers, content) = answer(&whole(), &[("if-none-match", "\"a\""), ("range", "bytes=0-1")]);
    assert_eq!((status, content.len()), (304, 0));
    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["age", "cache-control", "cache-status", "date", "etag"]);
    let failed = sample(404, &[("cache-control", "max-age=10"), ("etag", "\"a\"")], "", NOW);
    assert_eq!(answer(&failed, &[("if-none-match", "\"a\"")]).0, 404, "conditions are for what succeeded");
}

#[test]
fn a_part_that_is_shorter_than_its_origin_said_is_served_as_far_as_it_goes() {
    let part =
        sample(206, &[("cache-control", "max-age=9"), ("content-range", "bytes 4-9/10")], "01234", NOW);
    for (range, expected, place) in [
        ("bytes=-5", "01234", "bytes 4-8/10"),
        ("bytes=6-8", "234", "bytes 6-8/10"),
        ("bytes=6-", "234", "bytes 6-8/10"),
        ("bytes=-1", "4", "bytes 8-8/10"),
    ] {
        let (status, headers, content) = answer(&part, &[("range", range)]);
        assert_eq!((status, &content[..]), (206, expected.as_bytes()), "{range}");
        assert_eq!(headers["content-range"], place, "{range}");
    }
}

proptest! {
    #[test]
    fn the_length_of_an_answer_is_that_of_its_content(
        ranges in "(bytes|lines)=([0-9]{0,2}-[0-9]{0,2},?){0,6}", length in 0_usize..40,
    ) {
        let entry = sample(200, &[("cache-control", "max-age=10")], &"x".repeat(length), NOW);
        let (status, headers, content) = answer(&entry, &[("range", &ranges)]);
        prop_assert!(matches!(status, 200 | 206 | 416));
        prop_assert_eq!(headers["content-length"].to_str().unwrap().parse::<usize>().unwrap(), content.len());
        prop_assert_eq!(status == 200, content.len() == length && !headers.contains_key("content-range") && status != 206);
    }
}
