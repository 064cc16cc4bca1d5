//! Answers to authenticated requests belong to who asked, unless the origin shares them: RFC 9111 §3.5.

use crate::case::{Case, case, get, method};
use crate::script::Hold;
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
    not.into_iter()
        .chain(shared)
        .chain(principal)
        .chain(shared_principal)
        .chain(concurrent())
        .chain(renewed())
        .chain(others())
        .collect()
}

/// Clients at one time, each with something of its own that the origin echoes.
fn concurrent() -> Vec<Case> {
    let each = |id: &str, section, name, values: &'static [&'static str], lines: &[&str]| {
        let step = get().each_sends(name, values).held(Hold::Arrived(values.len())).gives(lines);
        case(id, section).then(step.asks(values.len()).status(200))
    };
    let fresh = "cache-control: max-age=3600";
    let tokens = &["Bearer of-alice", "Bearer of-bob", "Bearer of-carol"];
    vec![
        each("concurrent tokens get each their own", SECTION, "authorization", tokens, &[fresh]),
        each(
            "concurrent principals get each their own",
            SECTION,
            "x-own",
            &["a", "b"],
            &["cache-control: private"],
        ),
        each(
            "concurrent variants get each their own",
            "RFC 9111 §4.1",
            "x-a",
            &["1", "2", "3"],
            &[fresh, "vary: x-a"],
        ),
        each(
            "concurrent cookies get each their own",
            "RFC 9111 §4.1",
            "cookie",
            &["s=1", "s=2"],
            &[fresh, "vary: cookie"],
        ),
        each(
            "concurrent clients without freshness get each their own",
            "RFC 9111 §4",
            "x-a",
            &["1", "2"],
            &[],
        ),
        each(
            "concurrent clients of private answers get each their own",
            "RFC 9111 §5.2.2.7",
            "x-a",
            &["1", "2"],
            &["cache-control: private, max-age=60"],
        ),
    ]
}

/// What is stored for all meets a client of its own.
fn renewed() -> Vec<Case> {
    let stale = || get().gives(&["cache-control: max-age=2", "etag: \"a\""]).gives_content("of all");
    let alice = || get().after(3).sends("authorization: Bearer of-alice");
    let own = "cache-control: max-age=3600";
    vec![
        case("what replaces a stale answer for one client is not stored", SECTION)
            .then(stale())
            .then(alice().gives(&[own, "etag: \"b\""]).gives_content("of alice").content("of alice"))
            .then(get().gives(&[own]).gives_content("of all again").asks(1).content("of all again")),
        case("what replaces it for all is stored whoever asked", SECTION)
            .then(stale())
            .then(alice().gives(&["cache-control: public, max-age=60"]).gives_content("new").content("new"))
            .then(get().hit().content("new")),
        case("a confirmation for one client gives it the content", SECTION)
            .then(stale())
            .then(alice().validated().gives(&[own]).content("of all"))
            .then(get().either().content("of all").gives_content("of all")),
        case("a cookie of a confirmation for one client is not shared", "RFC 9111 §7.3")
            .then(stale())
            .then(alice().validated().gives(&[own, "set-cookie: s=alice"]).content("of all"))
            .then(get().gives_content("of all").either().content("of all").not_reused("set-cookie")),
    ]
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
