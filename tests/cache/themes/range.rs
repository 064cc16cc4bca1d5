//! Parts of what is stored, and parts that are stored: RFC 9110 §14, RFC 9111 §3.3 and §3.4.

use crate::case::{Case, Step, case, get, head};
use crate::suite::holds_here;

const RANGE: &str = "RFC 9110 §14.2";
const PARTS: &str = "RFC 9111 §3.4";
const FRESH: &str = "cache-control: max-age=3600";
const DIGITS: &str = "0123456789";

/// Of the ten digits: the range, what comes, and where it stands.
const SINGLE: [(&str, &str, &str, &str); 9] = [
    ("a first and a last byte", "bytes=2-4", "234", "bytes 2-4/10"),
    ("the first byte", "bytes=0-0", "0", "bytes 0-0/10"),
    ("the last byte", "bytes=9-9", "9", "bytes 9-9/10"),
    ("an open end", "bytes=6-", "6789", "bytes 6-9/10"),
    ("a suffix", "bytes=-3", "789", "bytes 7-9/10"),
    ("a suffix longer than all", "bytes=-99", DIGITS, "bytes 0-9/10"),
    ("a last byte beyond the end", "bytes=8-99", "89", "bytes 8-9/10"),
    ("all from the first byte", "bytes=0-", DIGITS, "bytes 0-9/10"),
    ("a unit in capitals", "BYTES=2-4", "234", "bytes 2-4/10"),
];

const IGNORED: [(&str, &str); 7] = [
    ("another unit", "lines=2-4"),
    ("a last byte before the first", "bytes=4-2"),
    ("letters", "bytes=a-b"),
    ("no range at all", "bytes="),
    ("a lone dash", "bytes=-"),
    ("a missing equals sign", "bytes 2-4"),
    ("a negative number", "bytes=--4"),
];

pub(crate) fn cases() -> Vec<Case> {
    let single = SINGLE.map(|(id, range, content, place)| {
        case(format!("{id} is cut from a whole answer"), RANGE)
            .then(whole())
            .then(part(range, content, place).hit())
    });
    let ignored = IGNORED.map(|(id, range)| {
        case(format!("{id} is ignored"), RANGE)
            .then(whole())
            .then(ranged(range).hit().status(200).content(DIGITS))
    });
    single
        .into_iter()
        .chain(ignored)
        .chain([several(), conditions(), parts(), parts_alone(), completed(), passed()].into_iter().flatten())
        .collect()
}

fn whole() -> Step {
    get().gives(&[FRESH, "etag: \"a\""]).gives_content(DIGITS)
}

fn ranged(range: &str) -> Step {
    get().after(3).sends(format!("range: {range}"))
}

fn part(range: &str, content: &str, place: &str) -> Step {
    let length = format!("content-length: {}", content.len());
    ranged(range).status(206).content(content).shows(format!("content-range: {place}")).shows(length)
}

fn several() -> Vec<Case> {
    vec![
        case("two ranges come as parts", "RFC 9110 §14.6").then(whole()).then(
            ranged("bytes=0-1,8-9")
                .hit()
                .status(206)
                .contains("bytes 0-1/10")
                .contains("bytes 8-9/10")
                .lacks("content-range"),
        ),
        case("of two ranges the one that can be met comes", RANGE)
            .then(whole())
            .then(ranged("bytes=2-4, 50-60").hit().status(206).contains("234")),
        case("a range beyond the end cannot be met", "RFC 9110 §15.5.17")
            .then(whole())
            .then(ranged("bytes=10-").hit().status(416).shows("content-range: bytes */10").any_content()),
        case("a suffix of nothing cannot be met", "RFC 9110 §15.5.17")
            .then(whole())
            .then(ranged("bytes=-0").hit().status(416).shows("content-range: bytes */10").any_content()),
        case("ranges without number are not all served", "RFC 9110 §17.15").then(whole()).then(
            ranged(&format!("bytes={}0-", "0-,".repeat(300))).hit().status_of(&[200, 416]).any_content(),
        ),
        case("a part carries the fields of the whole", "RFC 9110 §15.3.7")
            .then(
                get()
                    .gives(&[FRESH, "etag: \"a\"", "x-a: 1", "vary: x-b", "content-type: text/plain"])
                    .gives_content(DIGITS),
            )
            .then(
                part("bytes=2-4", "234", "bytes 2-4/10")
                    .hit()
                    .shows("etag: \"a\"")
                    .shows("x-a: 1")
                    .shows("vary: x-b")
                    .shows("content-type: text/plain")
                    .shows("age: 3"),
            ),
        case("a range of a HEAD is ignored", RANGE)
            .then(whole())
            .then(head().sends("range: bytes=2-4").hit().status(200).shows("content-length: 10")),
    ]
}

fn conditions() -> Vec<Case> {
    const IF_RANGE: &str = "RFC 9110 §13.1.5";
    let dated = || get().gives(&[FRESH, "last-modified: {-5000}"]).gives_content(DIGITS);
    vec![
        case("a range with the same tag comes", IF_RANGE)
            .then(whole())
            .then(part("bytes=2-4", "234", "bytes 2-4/10").sends("if-range: \"a\"").hit()),
        case("a range with another tag becomes the whole", IF_RANGE)
            .then(whole())
            .then(ranged("bytes=2-4").sends("if-range: \"z\"").hit().status(200).content(DIGITS)),
        case("a range with a weak tag becomes the whole", IF_RANGE)
            .then(get().gives(&[FRESH, "etag: W/\"a\""]).gives_content(DIGITS))
            .then(ranged("bytes=2-4").sends("if-range: W/\"a\"").hit().status(200).content(DIGITS)),
        case("a range with the same date comes", IF_RANGE)
            .then(dated())
            .then(part("bytes=2-4", "234", "bytes 2-4/10").sends("if-range: {-5000}").hit()),
        case("a range with a later date becomes the whole", IF_RANGE)
            .then(dated())
            .then(ranged("bytes=2-4").sends("if-range: {-4000}").hit().status(200).content(DIGITS)),
        case("a tag that matches comes before the range", "RFC 9110 §13.2.2")
            .then(whole())
            .then(ranged("bytes=2-4").sends("if-none-match: \"a\"").hit().status(304).content("")),
    ]
}

fn partial(range: &str, content: &str, place: &str) -> Step {
    get()
        .sends(format!("range: {range}"))
        .gives_status(206)
        .gives(&[FRESH, "etag: \"a\"", &format!("content-range: {place}")])
        .gives_content(content)
        .origin_saw(format!("range: {range}"))
        .content(content)
}

fn parts() -> Vec<Case> {
    let last = || partial("bytes=-5", "56789", "bytes 5-9/10");
    vec![
        case("a stored part answers the same range", PARTS)
            .then(last())
            .then(part("bytes=-5", "56789", "bytes 5-9/10").hit()),
        case("a stored part answers a range inside it", PARTS)
            .then(last())
            .then(part("bytes=6-8", "678", "bytes 6-8/10").hit()),
        case("a stored part answers an open end", PARTS)
            .then(last())
            .then(part("bytes=6-", "6789", "bytes 6-9/10").hit()),
        case("a stored part answers a shorter suffix", PARTS)
            .then(last())
            .then(part("bytes=-1", "9", "bytes 9-9/10").hit()),
        case("a stored part does not answer what lies outside", PARTS).then(last()).then(
            ranged("bytes=0-2")
                .gives_status(206)
                .gives(&[FRESH, "etag: \"a\"", "content-range: bytes 0-2/10"])
                .gives_content("012")
                .content("012")
                .miss(),
        ),
    ]
}

fn parts_alone() -> Vec<Case> {
    let last = || partial("bytes=-5", "56789", "bytes 5-9/10");
    vec![
        case("a stored part is not the whole", "RFC 9111 §3.3").then(last()).then(
            get()
                .after(3)
                .gives(&[FRESH, "etag: \"b\""])
                .gives_content("abcdefghij")
                .asks(1)
                .content("abcdefghij"),
        ),
        case("a stale part is not reused", "RFC 9111 §4.2")
            .then(
                get()
                    .sends("range: bytes=-5")
                    .gives_status(206)
                    .gives(&["cache-control: max-age=2", "content-range: bytes 5-9/10"])
                    .gives_content("56789")
                    .content("56789"),
            )
            .then(ranged("bytes=-5").gives_content(DIGITS).asks(1).any_content()),
        case("a part without an account of its place is not stored", "RFC 9110 §14.4")
            .then(
                get()
                    .sends("range: bytes=-5")
                    .gives_status(206)
                    .gives(&[FRESH])
                    .gives_content("56789")
                    .any_content(),
            )
            .then(ranged("bytes=-5").gives_content(DIGITS).asks(1).any_content()),
    ]
}

fn completed() -> Vec<Case> {
    let first = || partial("bytes=0-4", "01234", "bytes 0-4/10");
    let rest = |tag: &str, content: &str| {
        get()
            .after(3)
            .gives_status(206)
            .gives(&[FRESH, &format!("etag: {tag}"), "content-range: bytes 5-9/10"])
            .gives_content(content)
            .origin_saw("range: bytes=5-")
    };
    vec![
        case("a whole is made of a stored part and the rest", PARTS)
            .then(first())
            .then(rest("\"a\"", "56789").asks(1).status(200).content(DIGITS).lacks("content-range"))
            .then(get().after(3).hit().content(DIGITS)),
        case("the rest is asked for under the condition of the stored part", "RFC 9110 §13.1.5")
            .then(first())
            .then(rest("\"a\"", "56789").asks(1).content(DIGITS).origin_saw("if-range: \"a\"")),
        case("a whole answer to the question for the rest replaces the part", PARTS)
            .then(first())
            .then(
                get()
                    .after(3)
                    .gives(&[FRESH, "etag: \"b\""])
                    .gives_content("abcdefghij")
                    .asks(1)
                    .content("abcdefghij"),
            )
            .then(get().after(3).hit().content("abcdefghij")),
        case("a whole that is too large to be stored is not asked for in parts", PARTS)
            .largest_body(8)
            .then(partial("bytes=0-4", "01234", "bytes 0-4/20"))
            .then(whole().after(3).asks(1).status(200).content(DIGITS).origin_missed("range")),
        case("a rest that may not be stored is not taken for the whole", PARTS)
            .then(first())
            .then(
                rest("\"a\"", "56789").gives(&["cache-control: no-store"]).asks(1).status(502).any_content(),
            )
            .then(whole().asks(1).content(DIGITS).origin_missed("range")),
    ]
}

fn passed() -> Vec<Case> {
    vec![
        case("a range without a stored answer goes to the origin", RANGE).then(partial(
            "bytes=2-4",
            "234",
            "bytes 2-4/10",
        )),
        case("a 416 of the origin passes", "RFC 9110 §15.5.17")
            .then(get().sends("range: bytes=50-").gives_status(416).gives(&["content-range: bytes */10"])),
        case("a 416 is no answer to a client that asks for the whole", "RFC 9111 §4")
            .then(
                get()
                    .sends("range: bytes=50-")
                    .gives_status(416)
                    .gives(&[FRESH, "content-range: bytes */10"]),
            )
            .then(whole().after(3).asks(1).status(200).content(DIGITS)),
        case("a part that ends nowhere is not stored", "RFC 9110 §14.4")
            .then(
                get()
                    .sends("range: bytes=0-3")
                    .gives_status(206)
                    .gives(&[FRESH, "content-range: bytes 0-18446744073709551615/*"])
                    .any_content(),
            )
            .then(ranged("bytes=0-3").gives_content(DIGITS).asks(1).any_content()),
        case("a 200 to a range is stored and answers ranges", RANGE)
            .then(whole().sends("range: bytes=2-4").either().status_of(&[200, 206]).any_content())
            .then(part("bytes=6-8", "678", "bytes 6-8/10").hit()),
        case("ranges of several parts of the origin pass", "RFC 9110 §15.3.7.2").then(
            get()
                .sends("range: bytes=0-1,8-9")
                .gives_status(206)
                .gives(&[FRESH, "content-type: multipart/byteranges; boundary=x"])
                .gives_content("--x\r\ncontent-range: bytes 0-1/10\r\n\r\n01\r\n--x--")
                .contains("bytes 0-1/10"),
        ),
        case("a 206 is not reused for another range unit", RANGE)
            .then(
                get()
                    .sends("range: lines=0-1")
                    .gives_status(206)
                    .gives(&[FRESH, "content-range: lines 0-1/9"])
                    .any_content(),
            )
            .then(get().after(3).gives_content("all").asks(1).content("all")),
    ]
}

#[tokio::test]
async fn parts_are_cut_stored_and_put_together() {
    holds_here("range", cases()).await;
}
