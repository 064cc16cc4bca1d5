//! What clients may ask of the cache, where the policy lets them: RFC 9111 §5.2.1.

use crate::case::{Case, Step, case, get};
use crate::suite::holds_here;

const FRESH: &str = "cache-control: max-age=600";

pub(crate) fn cases() -> Vec<Case> {
    let cases = [ages(), stale(), ends()].into_iter().flatten();
    cases.map(Case::hearing_clients).chain(deaf()).collect()
}

/// A GET that says this in its Cache-Control.
fn asking(directives: &str) -> Step {
    get().sends(format!("cache-control: {directives}"))
}

fn stored(id: &str, section: &'static str, lines: &[&str]) -> Case {
    case(id, section).then(get().gives(lines))
}

fn ages() -> Vec<Case> {
    const MAX_AGE: &str = "RFC 9111 §5.2.1.1";
    const MIN_FRESH: &str = "RFC 9111 §5.2.1.3";
    let aged = [FRESH, "age: 300"];
    vec![
        stored("max-age=0 goes to the origin", MAX_AGE, &[FRESH]).then(asking("max-age=0").after(3).asks(1)),
        stored("max-age=0 asks with the validator", MAX_AGE, &[FRESH, "etag: \"a\""])
            .then(asking("max-age=0").after(3).validated()),
        stored("an answer older than max-age goes to the origin", MAX_AGE, &[FRESH])
            .then(asking("max-age=2").after(3).asks(1)),
        stored("an answer younger than max-age is reused", MAX_AGE, &[FRESH])
            .then(asking("max-age=10").after(3).hit()),
        stored("Age counts against max-age", MAX_AGE, &aged).then(asking("max-age=200").asks(1)),
        stored("max-age does not make a stale answer fresh", MAX_AGE, &["cache-control: max-age=2"])
            .then(asking("max-age=600").after(3).miss()),
        stored("enough freshness is reused", MIN_FRESH, &[FRESH])
            .then(asking("min-fresh=500").after(3).hit()),
        stored("too little freshness goes to the origin", MIN_FRESH, &[FRESH])
            .then(asking("min-fresh=700").after(3).asks(1)),
        stored("Age counts against min-fresh", MIN_FRESH, &aged).then(asking("min-fresh=400").asks(1)),
        stored("an invalid max-age goes to the origin or is ignored", MAX_AGE, &[FRESH])
            .then(asking("max-age=x").after(3).either().any_content()),
    ]
}

fn stale() -> Vec<Case> {
    const MAX_STALE: &str = "RFC 9111 §5.2.1.2";
    let short = "cache-control: max-age=2";
    let never = ["must-revalidate", "proxy-revalidate", "no-cache"].map(|directive| {
        stored(
            &format!("{directive} outdoes max-stale"),
            "RFC 9111 §4.2.4",
            &[&format!("{short}, {directive}"), "etag: \"a\""],
        )
        .then(asking("max-stale=600").after(3).validated())
    });
    let allowed = [
        stored("an answer within max-stale is reused", MAX_STALE, &[short])
            .then(asking("max-stale=10").after(5).hit().shows("age: 5")),
        stored("an answer beyond max-stale is not", MAX_STALE, &[short])
            .then(asking("max-stale=2").after(5).miss()),
        stored("max-stale without a number allows any age", MAX_STALE, &[short])
            .then(asking("max-stale").after(500).hit()),
        stored("Age counts against max-stale", MAX_STALE, &["cache-control: max-age=600", "age: 700"])
            .then(asking("max-stale=50").asks(1))
            .then(asking("max-stale=1").after(0).asks(1)),
        stored(
            "s-maxage outdoes max-stale",
            "RFC 9111 §5.2.2.10",
            &["cache-control: s-maxage=2", "etag: \"a\""],
        )
        .then(asking("max-stale=600").after(3).validated()),
    ];
    never.into_iter().chain(allowed).collect()
}

fn ends() -> Vec<Case> {
    const NO_CACHE: &str = "RFC 9111 §5.2.1.4";
    const NO_STORE: &str = "RFC 9111 §5.2.1.5";
    const ONLY_STORED: &str = "RFC 9111 §5.2.1.7";
    vec![
        stored("no-cache goes to the origin", NO_CACHE, &[FRESH]).then(asking("no-cache").after(3).asks(1)),
        stored("no-cache asks with the tag", NO_CACHE, &[FRESH, "etag: \"a\""])
            .then(asking("no-cache").after(3).validated().origin_saw("if-none-match: \"a\"")),
        stored("no-cache asks with the date", NO_CACHE, &[FRESH, "last-modified: {-86400}"])
            .then(asking("no-cache").after(3).validated()),
        stored("what no-cache fetched is stored", NO_CACHE, &[FRESH])
            .then(asking("no-cache").after(3).gives(&[FRESH]).asks(1))
            .then(get().after(3).hit().content_of(2)),
        stored("No-Cache in mixed case counts", NO_CACHE, &[FRESH]).then(asking("No-Cache").after(3).asks(1)),
        case("what answers a no-store is not stored", NO_STORE)
            .then(asking("no-store").gives(&[FRESH]))
            .then(get().after(3).miss()),
        stored("no-store leaves what is stored", NO_STORE, &[FRESH])
            .then(asking("no-store").after(3).either().any_content())
            .then(get().either().status(200).any_content()),
        case("only-if-cached without a stored answer is 504", ONLY_STORED)
            .then(asking("only-if-cached").asks(0).status(504)),
        stored("only-if-cached takes what is fresh", ONLY_STORED, &[FRESH])
            .then(asking("only-if-cached").after(3).hit()),
        stored("only-if-cached with a stale answer is 504", ONLY_STORED, &["cache-control: max-age=2"])
            .then(asking("only-if-cached").after(3).asks(0).status(504)),
        stored(
            "only-if-cached with max-stale takes what is stale",
            ONLY_STORED,
            &["cache-control: max-age=2"],
        )
        .then(asking("only-if-cached, max-stale=60").after(3).hit()),
        stored("only-if-cached for another variant is 504", ONLY_STORED, &[FRESH, "vary: x-a"])
            .then(asking("only-if-cached").sends("x-a: 1").asks(0).status(504)),
        stored("unknown directives are ignored", "RFC 9111 §5.2.3", &[FRESH])
            .then(asking("polite, note=\"no-cache\"").after(3).hit()),
    ]
}

/// By default the operator decides, not the client.
fn deaf() -> Vec<Case> {
    vec![
        stored("an unknown Pragma of a client means nothing", "RFC 9111 §5.4", &[FRESH])
            .then(get().after(3).sends("pragma: polite").hit()),
    ]
}

#[tokio::test]
async fn clients_are_heard_where_the_policy_says_so() {
    holds_here("request_directives", cases()).await;
}
