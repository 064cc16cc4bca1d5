use proptest::prelude::*;

use super::*;
use crate::cache::date::print;

const NOW: u64 = 1_800_000_000;

fn headers(lines: &[(&str, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    headers
}

fn at(seconds: i64) -> String {
    print(NOW.checked_add_signed(seconds).unwrap()).to_str().unwrap().to_owned()
}

fn facts<'a>(status: u16, headers: &'a HeaderMap, control: &'a CacheControl) -> Facts<'a> {
    let status = StatusCode::from_u16(status).unwrap();
    Facts { status, headers, control, is_targeted: false, configured: None, received: NOW }
}

fn of(status: u16, lines: &[(&str, String)]) -> Lifetime {
    let headers = headers(lines);
    lifetime(&facts(status, &headers, &CacheControl::of(&headers)), &Rules::shared())
}

fn control(text: &str) -> (&'static str, String) {
    ("cache-control", text.to_owned())
}

#[test]
fn what_is_more_specific_comes_first() {
    let expires = ("expires", at(30));
    let modified = ("last-modified", at(-1000));
    assert_eq!(of(200, &[control("max-age=2, s-maxage=1"), expires.clone()]), Lifetime::Explicit(1));
    assert_eq!(of(200, &[control("max-age=2"), expires.clone()]), Lifetime::Explicit(2));
    assert_eq!(of(200, &[control("max-age=x"), expires.clone()]), Lifetime::Explicit(0));
    assert_eq!(of(200, &[control("max-age=0"), expires.clone()]), Lifetime::Explicit(0));
    assert_eq!(of(200, &[expires.clone(), modified.clone()]), Lifetime::Explicit(30));
    assert_eq!(of(200, &[modified]), Lifetime::Heuristic(100));
    assert_eq!(of(200, &[]), Lifetime::Unknown);
}

#[test]
fn a_private_cache_does_not_hear_what_is_for_shared_ones() {
    let headers = headers(&[control("max-age=2, s-maxage=1")]);
    let control = CacheControl::of(&headers);
    let facts = facts(200, &headers, &control);
    assert_eq!(lifetime(&facts, &Rules::private()), Lifetime::Explicit(2));
    let fresh = Freshness::new(&facts, Lifetime::Explicit(2), NOW, &Rules::private());
    assert!(!fresh.is_never_stale);
}

#[test]
fn expires_counts_from_date_and_anything_odd_has_expired() {
    assert_eq!(of(200, &[("date", at(-10)), ("expires", at(20))]), Lifetime::Explicit(30));
    assert_eq!(of(200, &[("date", at(400)), ("expires", at(300))]), Lifetime::Explicit(0));
    assert_eq!(of(200, &[("date", "foo".into()), ("expires", at(20))]), Lifetime::Explicit(20));
    assert_eq!(of(200, &[("expires", "0".into())]), Lifetime::Explicit(0));
    assert_eq!(of(200, &[("expires", at(5)), ("expires", at(6))]), Lifetime::Explicit(0));
    assert_eq!(of(200, &[("expires", at(5)), ("expires", at(5))]), Lifetime::Explicit(5));
}

#[test]
fn guesses_are_for_the_statuses_that_allow_them() {
    let modified = [("last-modified", at(-1000))];
    for status in [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(of(status, &modified), Lifetime::Heuristic(100), "{status}");
    }
    for status in [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599] {
        assert_eq!(of(status, &modified), Lifetime::Unknown, "{status}");
    }
    let with_public = [control("public"), ("last-modified", at(-1000))];
    assert_eq!(of(599, &with_public), Lifetime::Heuristic(100));
}

#[test]
fn a_setting_counts_where_the_response_is_silent() {
    let headers = headers(&[("last-modified", at(-1000))]);
    let control = CacheControl::default();
    let facts = Facts { configured: Some(7), ..facts(200, &headers, &control) };
    assert_eq!(lifetime(&facts, &Rules::shared()), Lifetime::Configured(7));
}

/// What RFC 9111 §4.2 says, read out naively.
fn is_fresh_naively(max_age: u64, date: u64, age: u64, requested: u64, received: u64, now: u64) -> bool {
    let apparent_age = (i128::from(received) - i128::from(date)).max(0) as u64;
    let response_delay = received - requested;
    let corrected_age_value = age + response_delay;
    let corrected_initial_age =
        if apparent_age > corrected_age_value { apparent_age } else { corrected_age_value };
    let resident_time = now - received;
    max_age > corrected_initial_age + resident_time
}

proptest! {
    #[test]
    fn freshness_is_what_the_standard_says(
        max_age in 0_u64..200, date in -100_i64..100, age in 0_u64..200, delay in 0_u64..20, resident in 0_u64..200,
    ) {
        let headers = headers(&[("date", at(date)), ("age", age.to_string()), control(&format!("max-age={max_age}"))]);
        let control = CacheControl::of(&headers);
        let facts = facts(200, &headers, &control);
        let fresh = Freshness::new(&facts, lifetime(&facts, &Rules::shared()), NOW - delay, &Rules::shared());
        let date = NOW.checked_add_signed(date).unwrap();
        let naively = is_fresh_naively(max_age, date, age, NOW - delay, NOW, NOW + resident);
        prop_assert_eq!(fresh.is_fresh(NOW + resident), naively);
        prop_assert_ne!(fresh.is_stale_within(u64::MAX, NOW + resident), naively);
    }
}
