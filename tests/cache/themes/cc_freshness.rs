//! Which directive gives the lifetime, and where it ends: RFC 9111 §4.2.

use crate::case::{Case, case, get, refetched, reused};
use crate::suite::holds_here;

const LIFETIME: &str = "RFC 9111 §4.2.1";
const SHARED: &str = "RFC 9111 §5.2.2.10";
const BEATS_EXPIRES: &str = "RFC 9111 §5.3";

pub(crate) fn cases() -> Vec<Case> {
    [precedence(), expires(), limits(), private()].into_iter().flatten().collect()
}

fn precedence() -> Vec<Case> {
    vec![
        refetched("without freshness or validator nothing is reused", "RFC 9111 §4.2", &[]),
        reused("max-age gives a lifetime", LIFETIME, &["cache-control: max-age=3600"]),
        reused("s-maxage gives a lifetime", SHARED, &["cache-control: s-maxage=3600"]),
        refetched("max-age=0 is stale at once", LIFETIME, &["cache-control: max-age=0"]),
        refetched("s-maxage=0 is stale at once", SHARED, &["cache-control: s-maxage=0, max-age=3600"]),
        refetched("a shorter s-maxage wins behind", SHARED, &["cache-control: max-age=3600, s-maxage=1"]),
        refetched("a shorter s-maxage wins in front", SHARED, &["cache-control: s-maxage=1, max-age=3600"]),
        refetched(
            "a shorter s-maxage wins on a line of its own",
            SHARED,
            &["cache-control: max-age=3600", "cache-control: s-maxage=1"],
        ),
        reused("a longer s-maxage wins behind", SHARED, &["cache-control: max-age=1, s-maxage=3600"]),
        reused("a longer s-maxage wins in front", SHARED, &["cache-control: s-maxage=3600, max-age=1"]),
        reused("s-maxage in mixed case counts", SHARED, &["cache-control: S-MaxAge=3600, max-age=0"]),
        refetched("an invalid s-maxage is stale", LIFETIME, &["cache-control: s-maxage=x, max-age=3600"]),
        refetched("public alone gives no lifetime", "RFC 9111 §5.2.2.9", &["cache-control: public"]),
        refetched("immutable alone gives no lifetime", "RFC 8246 §2", &["cache-control: immutable"]),
        refetched(
            "must-revalidate alone gives no lifetime",
            "RFC 9111 §5.2.2.2",
            &["cache-control: must-revalidate"],
        ),
    ]
}

fn expires() -> Vec<Case> {
    vec![
        reused(
            "max-age beats a past Expires",
            BEATS_EXPIRES,
            &["cache-control: max-age=60", "expires: {-9}"],
        ),
        reused(
            "max-age beats an invalid Expires",
            BEATS_EXPIRES,
            &["cache-control: max-age=60", "expires: 0"],
        ),
        reused(
            "s-maxage beats a past Expires",
            BEATS_EXPIRES,
            &["cache-control: s-maxage=60", "expires: {-9}"],
        ),
        refetched(
            "max-age=0 beats a future Expires",
            BEATS_EXPIRES,
            &["expires: {+600}", "cache-control: max-age=0"],
        ),
        refetched(
            "a short max-age beats a future Expires",
            BEATS_EXPIRES,
            &["expires: {+600}", "cache-control: max-age=2"],
        ),
        refetched(
            "an invalid max-age beats a future Expires",
            LIFETIME,
            &["expires: {+600}", "cache-control: max-age=soon"],
        ),
        refetched(
            "a negative max-age beats a future Expires",
            LIFETIME,
            &["expires: {+600}", "cache-control: max-age=-1"],
        ),
    ]
}

fn limits() -> Vec<Case> {
    vec![
        case("fresh ends when the age reaches the lifetime", "RFC 9111 §4.2")
            .then(get().gives(&["cache-control: max-age=10"]))
            .then(get().after(9).hit())
            .then(get().after(1).miss()),
        case("s-maxage ends when the age reaches it", "RFC 9111 §4.2")
            .then(get().gives(&["cache-control: s-maxage=10, max-age=60"]))
            .then(get().after(9).hit())
            .then(get().after(1).miss()),
        case("immutable answers become stale too", "RFC 8246 §2")
            .then(get().gives(&["cache-control: max-age=10, immutable", "etag: \"a\""]))
            .then(get().after(9).hit())
            .then(get().after(1).validated()),
        case("must-revalidate answers are reused while fresh", "RFC 9111 §5.2.2.2")
            .then(get().gives(&["cache-control: max-age=10, must-revalidate", "etag: \"a\""]))
            .then(get().after(9).hit())
            .then(get().after(1).validated()),
        case("proxy-revalidate answers are reused while fresh", "RFC 9111 §5.2.2.8")
            .then(get().gives(&["cache-control: max-age=10, proxy-revalidate", "etag: \"a\""]))
            .then(get().after(9).hit())
            .then(get().after(1).validated()),
        case("a year is a year", LIFETIME)
            .then(get().gives(&["cache-control: max-age=31536000"]))
            .then(get().after(31_535_999).hit())
            .then(get().after(1).miss()),
        case("a new answer begins a new lifetime", "RFC 9111 §4.2")
            .then(get().gives(&["cache-control: max-age=10"]))
            .then(get().after(12).miss().gives(&["cache-control: max-age=10"]))
            .then(get().after(9).hit().shows("age: 9")),
    ]
}

fn private() -> Vec<Case> {
    vec![
        refetched(
            "a private cache does not hear s-maxage",
            SHARED,
            &["cache-control: s-maxage=3600, max-age=1"],
        )
        .private(),
        refetched(
            "a private cache does not hear s-maxage on a line of its own",
            SHARED,
            &["cache-control: s-maxage=3600", "cache-control: max-age=1"],
        )
        .private(),
        reused(
            "a private cache keeps private answers",
            "RFC 9111 §5.2.2.7",
            &["cache-control: private, max-age=3600"],
        )
        .private(),
        refetched(
            "a private cache keeps nothing of no-store",
            "RFC 9111 §5.2.2.5",
            &["cache-control: no-store, max-age=3600"],
        )
        .private(),
    ]
}

#[tokio::test]
async fn lifetimes_come_from_the_right_directive_and_end_in_time() {
    holds_here("cc_freshness", cases()).await;
}
