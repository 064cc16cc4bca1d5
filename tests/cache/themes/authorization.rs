//! Answers to authenticated requests belong to who asked, unless the origin shares them: RFC 9111 §3.5.

use crate::case::{Case, case, get, method};
use crate::suite::holds_here;

const SECTION: &str = "RFC 9111 §3.5";

const NOT_SHARED: [(&str, &[&str]); 7] = [
    ("max-age", &["cache-control: max-age=3600"]),
    ("Expires", &["expires: {+600}"]),
    ("a heuristic", &["last-modified: {-86400}"]),
    ("max-age with proxy-revalidate", &["cache-control: max-age=3600, proxy-revalidate"]),
    ("max-age with immutable", &["cache-control: max-age=3600, immutable"]),
    ("max-age with an ETag", &["cache-control: max-age=3600", "etag: \"a\""]),
    ("public inside a string", &["cache-control: max-age=3600, note=\"public\""]),
];

const SHARED: [(&str, &[&str]); 5] = [
    ("public", &["cache-control: max-age=3600, public"]),
    ("public with Expires", &["cache-control: public", "expires: {+600}"]),
    ("must-revalidate", &["cache-control: max-age=3600, must-revalidate"]),
    ("s-maxage", &["cache-control: s-maxage=3600"]),
    ("public in mixed case", &["cache-control: max-age=3600, PuBliC"]),
];

pub(crate) fn cases() -> Vec<Case> {
    let bearer = "authorization: Bearer of-alice";
    let not = NOT_SHARED.map(|(id, lines)| {
        case(format!("{id} does not share"), SECTION)
            .then(get().sends(bearer).gives(lines).origin_saw(bearer))
            .then(get().after(3).miss().origin_missed("if-none-match"))
    });
    let shared = SHARED.map(|(id, lines)| {
        case(format!("{id} shares"), SECTION)
            .then(get().sends(bearer).gives(lines).origin_saw(bearer))
            .then(get().after(3).hit())
            .then(get().sends("authorization: Bearer of-bob").hit())
    });
    let principal = NOT_SHARED.map(|(id, lines)| {
        case(format!("{id} does not share with another principal"), SECTION)
            .with_principals()
            .then(get().sends("x-as: alice").gives(lines))
            .then(get().after(3).sends("x-as: bob").miss())
            .then(get().after(3).miss())
    });
    let shared_principal = SHARED.map(|(id, lines)| {
        case(format!("{id} shares with another principal"), SECTION)
            .with_principals()
            .then(get().sends("x-as: alice").gives(lines))
            .then(get().after(3).sends("x-as: bob").hit())
    });
    not.into_iter().chain(shared).chain(principal).chain(shared_principal).chain(others()).collect()
}

fn others() -> Vec<Case> {
    let fresh = "cache-control: max-age=3600";
    vec![
        case("one client is not answered with another's content", SECTION)
            .then(get().sends("authorization: Bearer of-alice").gives(&[fresh]).gives_content("of alice"))
            .then(
                get()
                    .sends("authorization: Bearer of-bob")
                    .gives(&[fresh])
                    .gives_content("of bob")
                    .content("of bob"),
            )
            .then(get().sends("authorization: Bearer of-alice").gives_content("again").content("again")),
        case("concurrent clients are not answered with another's content", SECTION).then(
            get()
                .sends("authorization: Bearer of-somebody")
                .together(3)
                .gives(&[fresh])
                .next_answer()
                .gives(&[fresh])
                .next_answer()
                .gives(&[fresh])
                .asks(3),
        ),
        case("private stays private whatever shares", "RFC 9111 §5.2.2.7")
            .then(
                get()
                    .sends("authorization: Bearer of-alice")
                    .gives(&["cache-control: private, s-maxage=3600, public"]),
            )
            .then(get().after(3).miss()),
        case("a private cache keeps the answers of its one client", "RFC 9111 §3.5")
            .private()
            .then(get().sends("authorization: Bearer of-alice").gives(&[fresh]))
            .then(get().after(3).sends("authorization: Bearer of-alice").hit()),
        case("a cookie is not shared where nobody allowed to store", "RFC 9111 §7.3")
            .then(get().gives(&["set-cookie: session=alice"]))
            .then(get().after(3).miss().lacks("set-cookie")),
        case("a POST of one client never answers another", "RFC 9111 §4")
            .then(method("POST").carries("alice").gives(&[fresh]).gives_content("of alice"))
            .then(method("POST").carries("bob").gives(&[fresh]).gives_content("of bob").content("of bob"))
            .then(get().gives_content("of nobody").content("of nobody")),
    ]
}

#[tokio::test]
async fn answers_to_authenticated_requests_are_not_shared_unasked() {
    holds_here("authorization", cases()).await;
}
