//! Questions of the cache to the origin about what it holds: RFC 9111 §4.3.

use crate::case::{Case, case, get};
use crate::suite::holds_here;

const SENT: &str = "RFC 9111 §4.3.1";
const FRESHENED: &str = "RFC 9111 §4.3.4";
const SHORT: &str = "cache-control: max-age=2";
const FRESH: &str = "cache-control: max-age=3600";

pub(crate) fn cases() -> Vec<Case> {
    [sent(), variants(), answered()].into_iter().flatten().collect()
}

fn sent() -> Vec<Case> {
    vec![
        case("a strong tag is sent", SENT)
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).validated().origin_saw("if-none-match: \"a\"")),
        case("a weak tag is sent as weak", SENT)
            .then(get().gives(&[SHORT, "etag: W/\"a\""]))
            .then(get().after(3).validated().origin_saw("if-none-match: W/\"a\"")),
        case("a Last-Modified is sent as it came", SENT)
            .then(get().gives(&[SHORT, "last-modified: {-3000}"]))
            .then(get().after(3).validated().origin_saw("if-modified-since: {-3000}")),
        case("both validators are sent", SENT)
            .then(get().gives(&[SHORT, "etag: \"a\"", "last-modified: {-3000}"]))
            .then(
                get()
                    .after(3)
                    .validated()
                    .origin_saw("if-none-match: \"a\"")
                    .origin_saw("if-modified-since: {-3000}"),
            ),
        case("without a validator no condition is sent", SENT)
            .then(get().gives(&[SHORT]))
            .then(get().after(3).miss().origin_missed("if-none-match").origin_missed("if-modified-since")),
        case("a max-age of zero with a tag is asked for each time", SENT)
            .then(get().gives(&["cache-control: max-age=0", "etag: \"a\""]))
            .then(get().validated())
            .then(get().validated()),
        case("a tag without any freshness is asked for", SENT)
            .then(get().gives(&["etag: \"a\""]))
            .then(get().after(3).validated().origin_saw("if-none-match: \"a\"")),
        case("a stale 404 with a tag is asked for", SENT)
            .then(get().gives_status(404).gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).validated().status(404)),
        case("fields of the client go along", SENT)
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).sends("x-trace: 7").validated().origin_saw("x-trace: 7")),
        case("a stale answer to Expires is asked for", SENT)
            .then(get().gives(&["expires: {+2}", "etag: \"a\""]))
            .then(get().after(3).validated()),
    ]
}

fn variants() -> Vec<Case> {
    let varied = |tag: &str| [SHORT.to_owned(), "vary: x-a".to_owned(), format!("etag: {tag}")];
    let ask = |value: &str| get().sends(format!("x-a: {value}"));
    let give = |value: &str, tag: &str| {
        let lines = varied(tag);
        ask(value).gives(&lines.each_ref().map(String::as_str))
    };
    vec![
        case("the fields that select go along", SENT)
            .then(give("1", "\"a\""))
            .then(ask("1").after(3).validated().origin_saw("x-a: 1").origin_saw("if-none-match: \"a\"")),
        case("a variant is confirmed by its own tag", SENT)
            .then(give("1", "\"a\""))
            .then(give("2", "\"b\""))
            .then(ask("2").after(3).validated().content_of(2))
            .then(ask("1").validated().content_of(1)),
        case("a 304 for a variant leaves the others stale", "RFC 9111 §4.3.4")
            .then(give("1", "\"a\""))
            .then(give("2", "\"b\""))
            .then(ask("2").after(3).validated().gives(&[FRESH, "etag: \"b\"", "vary: x-a"]).content_of(2))
            .then(ask("2").after(3).hit().content_of(2))
            .then(ask("1").validated().content_of(1)),
        case("a 304 that names another variant selects it", "RFC 9111 §4.3.3")
            .then(give("1", "\"a\""))
            .then(ask("2").after(3).gives(&[FRESH, "vary: x-a"]).any_content().asks(1).status(200)),
    ]
}

fn answered() -> Vec<Case> {
    vec![
        case("a 304 restarts the lifetime", FRESHENED)
            .then(get().gives(&["cache-control: max-age=10", "etag: \"a\""]))
            .then(get().after(12).validated())
            .then(get().after(9).hit().shows("age: 9"))
            .then(get().after(1).validated()),
        case("a 304 with a new lifetime sets it", FRESHENED)
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).validated().gives(&["cache-control: max-age=100", "etag: \"a\""]))
            .then(get().after(99).hit())
            .then(get().after(1).validated()),
        case("a 304 may end the reuse", FRESHENED)
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).validated().gives(&["cache-control: max-age=0", "etag: \"a\""]))
            .then(get().validated()),
        case("a 304 gives the stored content with status 200", "RFC 9111 §4.3.3")
            .then(get().gives(&[SHORT, "etag: \"a\""]).gives_content("0123456789"))
            .then(get().after(3).validated().status(200).content("0123456789").shows("content-length: 10")),
        case("a 304 after an empty content", "RFC 9111 §4.3.3")
            .then(get().gives(&[SHORT, "etag: \"a\""]).gives_content(""))
            .then(get().after(3).validated().status(200).content("")),
        case("a 200 replaces what is stored", "RFC 9111 §4.3.3")
            .then(get().gives(&[SHORT, "etag: \"a\"", "x-old: 1"]))
            .then(
                get()
                    .after(3)
                    .gives(&[FRESH, "etag: \"b\""])
                    .origin_saw("if-none-match: \"a\"")
                    .lacks("x-old"),
            )
            .then(get().after(3).hit().content_of(2).shows("etag: \"b\"").lacks("x-old")),
        case("a 200 that may not be stored is passed on", "RFC 9111 §4.3.3")
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).gives(&["cache-control: no-store"]))
            .then(get().miss()),
        case("a 404 replaces what is stored", "RFC 9111 §4.3.3")
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).gives_status(404).gives(&[FRESH]))
            .then(get().after(3).hit().status(404)),
        case("a 500 without leave to be stale is passed on", "RFC 9111 §4.3.3")
            .then(get().gives(&["cache-control: max-age=2, must-revalidate", "etag: \"a\""]))
            .then(get().after(3).gives_status(500)),
        case("a 304 with another strong tag does not confirm", "RFC 9111 §4.3.4")
            .then(get().gives(&[SHORT, "etag: \"a\""]))
            .then(get().after(3).validated().gives(&[FRESH, "etag: \"z\""]).either().any_content()),
    ]
}

#[tokio::test]
async fn what_is_stale_is_confirmed_by_the_origin() {
    holds_here("validate", cases()).await;
}
