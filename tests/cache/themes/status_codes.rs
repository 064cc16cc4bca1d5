//! Any final status is stored with explicit freshness, and none outlives it: RFC 9111 §3 and §4.2.

use crate::case::{Case, case, get, method, refetched};
use crate::suite::holds_here;

const STORING: &str = "RFC 9111 §3";

const STATUSES: [u16; 27] = [
    200, 201, 202, 203, 204, 226, 299, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 429, 451,
    499, 500, 502, 503, 504, 599,
];

pub(crate) fn cases() -> Vec<Case> {
    let fresh = STATUSES.map(|status| {
        case(format!("a fresh {status} is reused"), STORING)
            .then(get().gives_status(status).gives(&["cache-control: max-age=60", "x-kept: yes"]))
            .then(get().after(3).hit().status(status).shows("x-kept: yes"))
    });
    let stale = STATUSES.map(|status| {
        case(format!("a stale {status} is not reused"), "RFC 9111 §4.2")
            .then(get().gives_status(status).gives(&["cache-control: max-age=2"]))
            .then(get().after(3).miss())
    });
    let by_expires = [200, 299, 404, 503].map(|status| {
        case(format!("a {status} fresh by Expires is reused"), STORING)
            .then(get().gives_status(status).gives(&["expires: {+60}"]))
            .then(get().after(3).hit().status(status))
    });
    fresh.into_iter().chain(stale).chain(by_expires).chain(understood()).collect()
}

fn understood() -> Vec<Case> {
    const SECTION: &str = "RFC 9111 §5.2.2.3";
    let answers =
        |id: &str, status: u16, line: &str| case(id, SECTION).then(get().gives_status(status).gives(&[line]));
    vec![
        answers(
            "must-understand outdoes no-store for a known status",
            200,
            "cache-control: must-understand, no-store, max-age=60",
        )
        .then(get().after(3).hit()),
        answers(
            "must-understand leaves no-store to an unknown status",
            299,
            "cache-control: must-understand, no-store, max-age=60",
        )
        .then(get().after(3).miss()),
        answers(
            "must-understand alone keeps a known status",
            404,
            "cache-control: must-understand, max-age=60",
        )
        .then(get().after(3).hit().status(404)),
        answers(
            "must-understand alone keeps no unknown status",
            299,
            "cache-control: must-understand, max-age=60",
        )
        .then(get().after(3).miss()),
        case("304 to a question without a condition is passed on and not stored", "RFC 9111 §4.3.3")
            .then(get().gives_status(304).gives(&["cache-control: max-age=60", "etag: \"a\""]))
            .then(get().after(3).miss()),
        refetched("a 200 without freshness is not stored for long", STORING, &["x-a: 1"]),
        case("a 206 that nobody asked for is not a whole answer", "RFC 9111 §3.3")
            .then(
                get()
                    .gives_status(206)
                    .gives(&["cache-control: max-age=60", "content-range: bytes 0-3/10"])
                    .gives_content("0123")
                    .any_content(),
            )
            .then(get().after(3).gives_content("0123456789").content("0123456789").asks(1)),
        case("OPTIONS is not stored", "RFC 9110 §9.3.7")
            .then(method("OPTIONS").gives(&["cache-control: max-age=60"]))
            .then(method("OPTIONS").after(3).miss()),
    ]
}

#[tokio::test]
async fn any_status_is_kept_as_long_as_it_is_fresh() {
    holds_here("status_codes", cases()).await;
}
