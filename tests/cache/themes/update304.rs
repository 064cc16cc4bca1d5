//! What a 304 changes in what is stored, and what it does not: RFC 9111 §3.2 and §4.3.4.

use crate::case::{Case, case, get};
use crate::suite::holds_here;

const UPDATING: &str = "RFC 9111 §3.2";
const LONG: &str = "cache-control: max-age=3600";
const SHORT: &str = "cache-control: max-age=2";

const CHANGED: [(&str, &str, &str); 18] = [
    ("x-plain", "one", "two"),
    ("plain", "one", "two"),
    ("content-plain", "one", "two"),
    ("x-content-plain", "one", "two"),
    ("content-type", "text/plain", "text/plain;charset=utf-8"),
    ("content-language", "de", "en"),
    ("content-location", "/a", "/b"),
    ("content-md5", "rL0Y20zC+Fzt72VPzMSk2A==", "N7UdGUp1E+RbVvZSTy1R8g=="),
    ("content-security-policy", "default-src 'self'", "default-src 'none'"),
    ("content-disposition", "inline", "attachment"),
    ("clear-site-data", "\"cache\"", "\"cookies\""),
    ("expires", "Fri, 01 Jan 2038 01:01:01 GMT", "Mon, 11 Jan 2038 11:11:11 GMT"),
    ("link", "</a>; rel=next", "</b>; rel=next"),
    ("set-cookie", "a=b", "a=c"),
    ("set-cookie2", "a=b", "a=c"),
    ("x-frame-options", "deny", "sameorigin"),
    ("public-key-pins", "one", "two"),
    ("x-xss-protection", "1", "1; mode=block"),
];

const VALIDATORS: [(&str, &str); 2] = [("ETag", "etag: \"a\""), ("Last-Modified", "last-modified: {-86400}")];

pub(crate) fn cases() -> Vec<Case> {
    let both = VALIDATORS.into_iter().flat_map(|validator| {
        CHANGED.into_iter().flat_map(move |field| [changed(validator, field), kept(validator, field)])
    });
    both.chain(lifetimes()).chain(unchanged()).collect()
}

/// In the answer at hand, and in the one from the store after it.
fn changed((kind, validator): (&str, &str), (name, old, new): (&str, &str, &str)) -> Case {
    let (old, new) = (format!("{name}: {old}"), format!("{name}: {new}"));
    case(format!("a 304 by {kind} changes {name}"), UPDATING)
        .then(get().gives(&[SHORT, validator, &old]))
        .then(get().after(3).validated().gives(&[LONG, validator, &new]).shows(&new))
        .then(get().after(3).hit().shows(&new))
}

fn kept((kind, validator): (&str, &str), (name, old, _): (&str, &str, &str)) -> Case {
    let old = format!("{name}: {old}");
    case(format!("a 304 by {kind} without {name} keeps it"), UPDATING)
        .then(get().gives(&[SHORT, validator, &old]))
        .then(get().after(3).validated().gives(&[LONG, validator]).shows(&old))
        .then(get().after(3).hit().shows(&old))
}

fn lifetimes() -> Vec<Case> {
    let both = VALIDATORS.into_iter().flat_map(|(kind, validator)| {
        [
            case(format!("a 304 by {kind} changes cache-control"), UPDATING)
                .then(get().gives(&[SHORT, validator]))
                .then(
                    get()
                        .after(3)
                        .validated()
                        .gives(&[LONG, validator])
                        .shows(LONG)
                        .counts("cache-control", 1),
                )
                .then(get().after(3).hit().shows(LONG).counts("cache-control", 1)),
            case(format!("a 304 by {kind} changes date"), UPDATING)
                .then(get().gives(&[SHORT, validator]))
                .then(get().after(3).validated().gives(&[LONG, validator]))
                .then(get().after(3).hit().shows("date: {+3}").counts("date", 1)),
        ]
    });
    both.collect()
}

fn unchanged() -> Vec<Case> {
    let with = |id: &str, line: &str| {
        case(id, UPDATING)
            .then(get().gives(&[SHORT, "etag: \"a\""]).gives_content("0123456789"))
            .then(get().after(3).validated().gives(&[LONG, "etag: \"a\"", line]).content("0123456789"))
    };
    let whole = || get().after(3).hit().content("0123456789").shows("content-length: 10");
    vec![
        with("a 304 does not change content-length", "content-length: 5").then(whole()),
        with("a 304 does not change the framing", "transfer-encoding: chunked")
            .then(whole().lacks("transfer-encoding")),
        with("a 304 stores no Connection", "connection: x-hop\r\nx-hop: 1")
            .then(whole().lacks("connection").lacks("x-hop")),
        with("a 304 stores no Keep-Alive", "keep-alive: timeout=5").then(whole().lacks("keep-alive")),
        with("a 304 stores no Proxy-Authenticate", "proxy-authenticate: Basic realm=\"a\"")
            .then(whole().lacks("proxy-authenticate")),
        case("all lines of a field change together", UPDATING)
            .then(get().gives(&[SHORT, "etag: \"a\"", "x-many: 1", "x-many: 2", "x-many: 3"]))
            .then(
                get()
                    .after(3)
                    .validated()
                    .gives(&[LONG, "etag: \"a\"", "x-many: 8", "x-many: 9"])
                    .counts("x-many", 2),
            )
            .then(get().after(3).hit().counts("x-many", 2).shows("x-many: 8").shows("x-many: 9")),
        case("a field that was not there is added", UPDATING)
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).validated().gives(&[LONG, "etag: \"a\"", "x-new: 1"]).shows("x-new: 1"))
            .then(get().after(3).hit().shows("x-new: 1")),
        case("a cookie of a 304 that does not say for how long is of one client", "RFC 9111 §7.3")
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(
                get()
                    .after(3)
                    .validated()
                    .gives(&["etag: \"a\"", "set-cookie: s=alice"])
                    .shows("set-cookie: s=alice"),
            )
            .then(get().validated().gives(&[LONG, "etag: \"a\""]).lacks("set-cookie")),
        case("a 304 that forbids storing is not stored", "RFC 9111 §5.2.2.5")
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).validated().gives(&["cache-control: no-store", "etag: \"a\""]))
            .then(get().after(3).asks(1).any_content()),
    ]
}

#[tokio::test]
async fn a_304_renews_what_is_stored() {
    holds_here("update304", cases()).await;
}
