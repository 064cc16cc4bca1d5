use http::Request;

use super::*;
use crate::cache::assess::sample;

const NOW: u64 = 1_800_000_000;

fn asked(lines: &[(&'static str, &str)], hears_clients: bool) -> (Asked, HeaderMap) {
    let request =
        lines.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
    let (head, ()) = request.body(()).unwrap().into_parts();
    let rules = Rules { hears_clients, ..Rules::shared() };
    (Asked::of(&head.method, &Signs::of(&head.headers), &head.headers, &rules), head.headers)
}

/// For an answer with this `Cache-Control` and tag, so many seconds later.
fn of(control: &str, age: u64, client: &str) -> Verdict {
    let entry = sample(200, &[("cache-control", control), ("etag", "\"a\"")], "0123456789", NOW);
    let lines: &[(&'static str, &str)] = if client.is_empty() { &[] } else { &[("cache-control", client)] };
    let (asked, headers) = asked(lines, true);
    verdict(&entry, &asked, &headers, NOW + age)
}

#[test]
fn what_is_fresh_answers_and_what_is_stale_is_confirmed() {
    assert_eq!(of("max-age=10", 9, ""), Verdict::Fresh);
    assert_eq!(of("max-age=10", 10, ""), Verdict::Validate(Forward::Stale));
    assert_eq!(of("max-age=10, no-cache", 0, ""), Verdict::Validate(Forward::Stale));
    let bare = sample(200, &[("cache-control", "max-age=10")], "", NOW);
    let (asked, headers) = asked(&[], false);
    assert_eq!(verdict(&bare, &asked, &headers, NOW + 10), Verdict::Fetch(Forward::Stale));
}

#[test]
fn clients_choose_where_they_are_heard() {
    for (client, age, expected) in [
        ("no-cache", 1, Verdict::Validate(Forward::Request)),
        ("max-age=0", 0, Verdict::Validate(Forward::Request)),
        ("max-age=5", 5, Verdict::Fresh),
        ("max-age=5", 6, Verdict::Validate(Forward::Request)),
        ("min-fresh=5", 5, Verdict::Fresh),
        ("min-fresh=5", 6, Verdict::Validate(Forward::Request)),
        ("max-stale=5", 15, Verdict::Stale),
        ("max-stale=5", 16, Verdict::Validate(Forward::Stale)),
        ("max-stale", 1000, Verdict::Stale),
        ("only-if-cached", 9, Verdict::Fresh),
        ("only-if-cached", 10, Verdict::NotCached),
        ("only-if-cached, max-stale", 10, Verdict::Stale),
    ] {
        assert_eq!(of("max-age=10", age, client), expected, "{client} at {age}");
    }
    let entry = sample(200, &[("cache-control", "max-age=10")], "", NOW);
    let (asked, headers) = asked(&[("cache-control", "no-cache")], false);
    assert_eq!(verdict(&entry, &asked, &headers, NOW), Verdict::Fresh);
}

#[test]
fn stale_answers_stay_within_their_windows() {
    let window = "max-age=10, stale-while-revalidate=5";
    assert_eq!(
        (of(window, 15, ""), of(window, 16, "")),
        (Verdict::WhileRevalidating, Verdict::Validate(Forward::Stale))
    );
    for never in ["must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache"] {
        assert_eq!(
            of(&format!("{window}, {never}"), 15, "max-stale"),
            Verdict::Validate(Forward::Stale),
            "{never}"
        );
    }
    let (asked, _) = asked(&[], false);
    let stands_in = |control: &str, is_told, age| {
        may_stand_in(&sample(200, &[("cache-control", control)], "", NOW), &asked, is_told, NOW + age)
    };
    assert!(stands_in("max-age=10", false, 1000) && !stands_in("max-age=10", true, 11));
    assert!(stands_in("max-age=10, stale-if-error=5", true, 15));
    assert!(!stands_in("max-age=10, stale-if-error=5", true, 16));
    let purged = sample(200, &[("cache-control", "max-age=10, stale-if-error=5")], "", NOW);
    purged.expire();
    assert!(may_stand_in(&purged, &asked, true, NOW + 1) && !may_stand_in(&purged, &asked, true, NOW + 16));
    assert!(!stands_in("max-age=10, must-revalidate, stale-if-error=5", false, 11));
}

#[test]
fn a_part_answers_what_it_holds_and_is_completed_for_the_rest() {
    let lines = [("cache-control", "max-age=10"), ("content-range", "bytes 2-5/10"), ("etag", "\"a\"")];
    let part = sample(206, &lines, "2345", NOW);
    let of = |lines: &[(&'static str, &str)]| {
        let (asked, headers) = asked(lines, false);
        verdict(&part, &asked, &headers, NOW)
    };
    assert_eq!(of(&[("range", "bytes=3-4")]), Verdict::Fresh);
    assert_eq!(of(&[("range", "bytes=3-4"), ("if-range", "\"b\"")]), Verdict::Fetch(Forward::Partial));
    assert_eq!(of(&[("range", "bytes=3-6")]), Verdict::Fetch(Forward::Partial));
    assert_eq!(of(&[]), Verdict::Complete);
}
