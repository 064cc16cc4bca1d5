//! Variants of one URL: RFC 9111 §4.1.

use crate::case::{Case, Step, case, get};
use crate::suite::holds_here;

const SECTION: &str = "RFC 9111 §4.1";

fn asking(lines: &[&str]) -> Step {
    lines.iter().fold(get(), |step, line| step.sends(*line))
}

/// Whether a question with `second` is answered by what one with `first` stored.
struct Pair {
    id: &'static str,
    vary: &'static [&'static str],
    first: &'static [&'static str],
    second: &'static [&'static str],
    matches: bool,
}

const fn pair(
    id: &'static str,
    vary: &'static [&'static str],
    first: &'static [&'static str],
    second: &'static [&'static str],
    matches: bool,
) -> Pair {
    Pair { id, vary, first, second, matches }
}

const A: &[&str] = &["vary: x-a"];
const AB: &[&str] = &["vary: x-a, x-b"];
const ABC: &[&str] = &["vary: x-a, x-b, x-c"];
const ENCODING: &[&str] = &["vary: accept-encoding"];
const LANGUAGE: &[&str] = &["vary: accept-language"];

const PLAIN: [Pair; 25] = [
    pair("the same value matches", A, &["x-a: 1"], &["x-a: 1"], true),
    pair("another value does not", A, &["x-a: 1"], &["x-a: 2"], false),
    pair("a missing field does not match a present one", A, &["x-a: 1"], &[], false),
    pair("a present field does not match a missing one", A, &[], &["x-a: 1"], false),
    pair("a missing field matches a missing one", A, &[], &[], true),
    pair("an empty field does not match a missing one", A, &[], &["x-a:"], false),
    pair("values are compared by case", A, &["x-a: one"], &["x-a: ONE"], false),
    pair("a longer value does not match", A, &["x-a: 1"], &["x-a: 12"], false),
    pair("a field that is not listed does not count", A, &["x-a: 1", "x-b: 1"], &["x-a: 1", "x-b: 2"], true),
    pair("two equal fields match", AB, &["x-a: 1", "x-b: 2"], &["x-a: 1", "x-b: 2"], true),
    pair("two fields in another order match", AB, &["x-a: 1", "x-b: 2"], &["x-b: 2", "x-a: 1"], true),
    pair("a different first of two does not", AB, &["x-a: 1", "x-b: 2"], &["x-a: 9", "x-b: 2"], false),
    pair("a different second of two does not", AB, &["x-a: 1", "x-b: 2"], &["x-a: 1", "x-b: 9"], false),
    pair(
        "two values that changed places do not match",
        AB,
        &["x-a: 1", "x-b: 2"],
        &["x-a: 2", "x-b: 1"],
        false,
    ),
    pair("two missing where one was there do not match", AB, &["x-a: 1"], &[], false),
    pair(
        "three equal fields match",
        ABC,
        &["x-a: 1", "x-b: 2", "x-c: 3"],
        &["x-a: 1", "x-b: 2", "x-c: 3"],
        true,
    ),
    pair(
        "a different first of three does not",
        ABC,
        &["x-a: 1", "x-b: 2", "x-c: 3"],
        &["x-a: 9", "x-b: 2", "x-c: 3"],
        false,
    ),
    pair(
        "a different middle one of three does not",
        ABC,
        &["x-a: 1", "x-b: 2", "x-c: 3"],
        &["x-c: 3", "x-b: 9", "x-a: 1"],
        false,
    ),
    pair("one of three missing in both matches", ABC, &["x-a: 1", "x-c: 3"], &["x-c: 3", "x-a: 1"], true),
    pair("names in Vary are without case", &["vary: X-A"], &["x-a: 1"], &["x-a: 2"], false),
    pair("names over two lines count: first", &["vary: x-a", "vary: x-b"], &["x-a: 1"], &["x-a: 2"], false),
    pair("names over two lines count: second", &["vary: x-a", "vary: x-b"], &["x-b: 1"], &["x-b: 2"], false),
    pair("empty members of Vary are skipped", &["vary: , x-a ,"], &["x-a: 1"], &["x-a: 1"], true),
    pair("empty members of Vary hide no name", &["vary: , x-a ,"], &["x-a: 1"], &["x-a: 2"], false),
    pair("an empty Vary selects by nothing", &["vary:"], &["x-a: 1"], &["x-a: 2"], true),
];

const STARS: [(&str, &[&str]); 8] = [
    ("a star matches nothing", &["vary: *"]),
    ("two stars match nothing", &["vary: *, *"]),
    ("two stars on two lines match nothing", &["vary: *", "vary: *"]),
    ("a star behind an empty member matches nothing", &["vary: , *"]),
    ("a star behind an empty line matches nothing", &["vary:", "vary: *"]),
    ("a star before a name matches nothing", &["vary: *, x-a"]),
    ("a star behind a name matches nothing", &["vary: x-a, *"]),
    ("a star on a line behind a name matches nothing", &["vary: x-a", "vary: *"]),
];

const MEANING: [Pair; 15] = [
    pair("white space between members does not count", A, &["x-a: 1,2"], &["x-a: 1, 2"], true),
    pair("white space around the value does not count", A, &["x-a: 1"], &["x-a:   1  "], true),
    pair("two lines are one list", A, &["x-a: 1, 2"], &["x-a: 1", "x-a: 2"], true),
    pair("one list is two lines", A, &["x-a: 1", "x-a: 2"], &["x-a: 1, 2"], true),
    pair(
        "two lines in another order are another list",
        A,
        &["x-a: 1", "x-a: 2"],
        &["x-a: 2", "x-a: 1"],
        false,
    ),
    pair(
        "languages in another order are the same",
        LANGUAGE,
        &["accept-language: en, de"],
        &["accept-language: de, en"],
        true,
    ),
    pair(
        "white space between languages does not count",
        LANGUAGE,
        &["accept-language: en, de"],
        &["accept-language:  en ,   de"],
        true,
    ),
    pair(
        "languages are without case",
        LANGUAGE,
        &["accept-language: en-GB"],
        &["accept-language: EN-gb"],
        true,
    ),
    pair(
        "languages of other weights are not the same",
        LANGUAGE,
        &["accept-language: en;q=0.5, de"],
        &["accept-language: en, de;q=0.5"],
        false,
    ),
    pair(
        "another language is another variant",
        LANGUAGE,
        &["accept-language: en"],
        &["accept-language: de"],
        false,
    ),
    pair(
        "encodings in another order are the same",
        ENCODING,
        &["accept-encoding: gzip, br"],
        &["accept-encoding: br, gzip"],
        true,
    ),
    pair(
        "encodings are without case and white space",
        ENCODING,
        &["accept-encoding: gzip,br"],
        &["accept-encoding: GZIP,  Br"],
        true,
    ),
    pair(
        "a full weight is no weight",
        ENCODING,
        &["accept-encoding: gzip"],
        &["accept-encoding: gzip;q=1.0"],
        true,
    ),
    pair(
        "a refused encoding is another variant",
        ENCODING,
        &["accept-encoding: gzip"],
        &["accept-encoding: gzip;q=0"],
        false,
    ),
    pair(
        "another encoding is another variant",
        ENCODING,
        &["accept-encoding: gzip"],
        &["accept-encoding: br"],
        false,
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    let pairs = PLAIN.into_iter().chain(MEANING).map(|pair| {
        let lines = [&["cache-control: max-age=3600"], pair.vary].concat();
        let second = asking(pair.second);
        let first = asking(pair.first).gives(&lines);
        case(pair.id, SECTION).then(first).then(if pair.matches { second.hit() } else { second.miss() })
    });
    let stars = STARS.map(|(id, vary)| {
        let lines = [&["cache-control: max-age=3600"], vary].concat();
        let ask = || get().sends("x-a: 1").sends("*: 1");
        case(id, SECTION).then(ask().gives(&lines)).then(ask().miss())
    });
    pairs.chain(stars).chain(many()).chain(by_known_fields()).collect()
}

fn many() -> Vec<Case> {
    let varied = ["cache-control: max-age=60", "vary: x-a"];
    let ask = |value: &str| get().sends(format!("x-a: {value}"));
    vec![
        case("variants are kept side by side", SECTION)
            .then(ask("1").gives(&varied))
            .then(ask("2").gives(&varied))
            .then(get().gives(&varied))
            .then(ask("1").hit().content_of(1))
            .then(ask("2").hit().content_of(2))
            .then(get().hit().content_of(3)),
        case("each variant has its own age", SECTION)
            .then(ask("1").gives(&varied))
            .then(ask("2").after(40).gives(&varied))
            .then(ask("2").after(15).hit().shows("age: 15"))
            .then(ask("1").hit().content_of(1).shows("age: 55"))
            .then(ask("1").after(5).miss())
            .then(ask("2").hit().content_of(2)),
        case("variants may be selected by different fields", SECTION)
            .then(ask("1").gives(&varied))
            .then(ask("2").sends("x-b: 1").gives(&["cache-control: max-age=60", "vary: x-a, x-b"]))
            .then(ask("2").sends("x-b: 1").hit().content_of(2)),
        case("a star does not remove the variants before", SECTION)
            .then(ask("1").gives(&varied))
            .then(ask("2").gives(&["cache-control: max-age=60", "vary: *"]))
            .then(ask("2").miss()),
        case("a stored star with a validator is not reused either", SECTION)
            .then(get().gives(&["cache-control: max-age=60", "vary: *", "etag: \"a\""]))
            .then(get().asks(1).any_content()),
        case("Vary is sent with a hit", SECTION)
            .then(ask("1").gives(&varied))
            .then(ask("1").hit().shows("vary: x-a")),
    ]
}

fn by_known_fields() -> Vec<Case> {
    vec![
        case("a variant by the client's cookie is not mixed up", SECTION)
            .then(get().sends("cookie: a=1").gives(&["cache-control: max-age=60", "vary: cookie"]))
            .then(get().sends("cookie: a=2").gives(&["cache-control: max-age=60", "vary: cookie"]))
            .then(get().sends("cookie: a=1").hit().content_of(1)),
        case("a stored language answers who prefers it", "RFC 9110 §12.5.4")
            .then(get().sends("accept-language: en, de").gives(&[
                "cache-control: max-age=60",
                "vary: accept-language",
                "content-language: de",
            ]))
            .then(get().sends("accept-language: fr;q=0.5, de;q=1.0").hit()),
        case("a stored language does not answer who prefers another", "RFC 9110 §12.5.4")
            .then(get().sends("accept-language: en, de").gives(&[
                "cache-control: max-age=60",
                "vary: accept-language",
                "content-language: de",
            ]))
            .then(get().sends("accept-language: fr, de;q=0.5").miss()),
        case("a variant by Origin is not mixed up", "RFC 9110 §12.5.5")
            .then(get().sends("origin: http://a.test").gives(&["cache-control: max-age=60", "vary: origin"]))
            .then(get().sends("origin: http://b.test").miss()),
    ]
}

#[tokio::test]
async fn a_variant_answers_only_who_would_get_it_from_the_origin() {
    holds_here("vary", cases()).await;
}
