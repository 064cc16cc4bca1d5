//! What one stored answer stands for, and how it is removed: RFC 9111 §2, and the purge of this cache.

use crate::case::{Case, Purge, case, get};
use crate::suite::holds_here;

const KEY: &str = "RFC 9111 §2";
const PURGE: &str = "RFC 9111 §4.4";
const FRESH: &str = "cache-control: max-age=3600";

/// Two targets, and whether the second is answered by what the first stored.
const TARGETS: [(&str, &str, &str, bool); 12] = [
    ("the same path is one key", "/a", "/a", true),
    ("another path is another key", "/a", "/b", false),
    ("a path in another case is another key", "/a", "/A", false),
    ("a final slash makes another key", "/a", "/a/", false),
    ("the same query is one key", "/a?x=1&y=2", "/a?x=1&y=2", true),
    ("another query is another key", "/a?x=1", "/a?x=2", false),
    ("a query and none are two keys", "/a", "/a?x=1", false),
    ("an empty query and none are two keys", "/a", "/a?", false),
    ("a query in another order is another key", "/a?x=1&y=2", "/a?y=2&x=1", false),
    ("a query in another case is another key", "/a?x=a", "/a?x=A", false),
    ("a longer query is another key", "/a?x=1", "/a?x=1&y=2", false),
    ("a repeated parameter is another key", "/a?x=1", "/a?x=1&x=1", false),
];

pub(crate) fn cases() -> Vec<Case> {
    let targets = TARGETS.map(|(id, first, second, matches)| {
        let second = get().at(second).after(3);
        case(id, KEY).then(get().at(first).gives(&[FRESH])).then(if matches {
            second.hit()
        } else {
            second.miss()
        })
    });
    targets.into_iter().chain(hosts()).chain(purges()).collect()
}

fn hosts() -> Vec<Case> {
    vec![
        case("another host is another key", KEY)
            .then(get().at("http://one.test/a").gives(&[FRESH]))
            .then(get().at("http://two.test/a").miss()),
        case("the same host in a target and in the field is one key", KEY)
            .then(get().at("http://one.test/a").gives(&[FRESH]))
            .then(get().at("http://one.test/a").hit()),
        case("what is asked of two hosts at once is for neither", "RFC 9112 §3.2")
            .then(
                get().sends("host: other.test").gives(&[FRESH]).either().any_content().status_of(&[200, 400]),
            )
            .then(get().asks(1).any_content()),
        case("what is asked of another host than the target's is for neither", "RFC 9112 §3.2.2")
            .then(
                get()
                    .at("http://one.test/a")
                    .sends("host: other.test")
                    .gives(&[FRESH])
                    .either()
                    .any_content()
                    .status_of(&[200, 400]),
            )
            .then(get().at("http://one.test/a").asks(1).any_content()),
        case("a sorted query is one key where it is configured", "RFC 3986 §6")
            .sorted_query()
            .then(get().at("/a?x=1&y=2").gives(&[FRESH]))
            .then(get().at("/a?y=2&x=1").hit().content_of(1)),
    ]
}

fn purges() -> Vec<Case> {
    let tagged = |field: &'static str, tag: &'static str| {
        case(format!("a purge by tag removes what {field} names"), PURGE)
            .then(get().gives(&[FRESH, field]))
            .then(get().hit())
            .then(get().purging(Purge::Tag(tag)).miss())
    };
    vec![
        case("a purged URL is fetched anew", PURGE)
            .then(get().gives(&[FRESH]))
            .then(get().purging(Purge::Target("/item")).miss()),
        case("a purge of another URL leaves this one", PURGE)
            .then(get().gives(&[FRESH]))
            .then(get().purging(Purge::Target("/other")).hit()),
        case("a purge removes all variants", PURGE)
            .then(get().sends("x-a: 1").gives(&[FRESH, "vary: x-a"]))
            .then(get().sends("x-a: 2").gives(&[FRESH, "vary: x-a"]))
            .then(get().sends("x-a: 1").purging(Purge::Target("/item")).miss())
            .then(get().sends("x-a: 2").miss()),
        case("a purge by prefix removes what lies below", PURGE)
            .then(get().at("/a/1").gives(&[FRESH]))
            .then(get().at("/b/1").gives(&[FRESH]))
            .then(get().at("/a/1").purging(Purge::Prefix("/a/")).miss())
            .then(get().at("/b/1").hit()),
        tagged("surrogate-key: red green blue", "green"),
        tagged("cache-tag: red, green, blue", "green"),
        case("a purge by tag leaves what has another", PURGE)
            .then(get().gives(&[FRESH, "surrogate-key: red"]))
            .then(get().purging(Purge::Tag("re")).hit()),
        case("a soft purge makes stale what can be confirmed", PURGE)
            .then(get().gives(&[FRESH, "etag: \"a\"", "surrogate-key: red"]))
            .then(get().purging(Purge::SoftTag("red")).validated()),
        case("a purge of all leaves nothing", PURGE)
            .then(get().at("/a").gives(&[FRESH]))
            .then(get().at("/b").gives(&[FRESH]))
            .then(get().at("/a").purging(Purge::All).miss())
            .then(get().at("/b").miss()),
    ]
}

#[tokio::test]
async fn one_url_is_one_key_until_it_is_purged() {
    holds_here("key", cases()).await;
}
