//! Expires and Date: RFC 9111 §5.3, dates of RFC 9110 §5.6.7.

use crate::case::{Case, case, get, refetched, reused};
use crate::suite::holds_here;

const EXPIRES: &str = "RFC 9111 §5.3";
const DATES: &str = "RFC 9110 §5.6.7";

const READ: [(&str, &str); 10] = [
    ("the preferred form is read", "{+600}"),
    ("the form of RFC 850 is read", "{850 +600}"),
    ("the form of asctime is read", "{asc +600}"),
    ("asctime with a day of one digit is read", "Sun Feb  7 08:00:00 2027"),
    ("a weekday in capitals is read", "MON, 18 Aug 2070 02:01:18 GMT"),
    ("a month in capitals is read", "Mon, 18 AUG 2070 02:01:18 GMT"),
    ("a month in small letters is read", "Mon, 18 aug 2070 02:01:18 GMT"),
    ("a zone in mixed case is read", "Mon, 18 Aug 2070 02:01:18 gMt"),
    ("a leap second is read", "Thu, 31 Dec 2071 23:59:60 GMT"),
    ("the twenty-ninth of February is read", "Tue, 29 Feb 2028 00:00:00 GMT"),
];

const EXPIRED: [(&str, &str); 20] = [
    ("a zero", "0"),
    ("minus one", "-1"),
    ("an empty value", ""),
    ("a word", "never"),
    ("seconds since the epoch", "1900000000"),
    ("another zone", "Mon, 18 Aug 2070 02:01:18 UTC"),
    ("an offset for a zone", "Mon, 18 Aug 2070 02:01:18 +0000"),
    ("a missing zone", "Mon, 18 Aug 2070 02:01:18"),
    ("a year of two digits", "Mon, 18 Aug 70 02:01:18 GMT"),
    ("a missing comma", "Mon 18 Aug 2070 02:01:18 GMT"),
    ("two spaces", "Mon, 18  Aug  2070 02:01:18 GMT"),
    ("dashes in the date", "Mon, 18-Aug-2070 02:01:18 GMT"),
    ("periods in the time", "Mon, 18 Aug 2070 02.01.18 GMT"),
    ("an hour of one digit", "Mon, 18 Aug 2070 2:01:18 GMT"),
    ("a day of one digit", "Mon, 8 Aug 2070 02:01:18 GMT"),
    ("the hour 24", "Mon, 18 Aug 2070 24:01:18 GMT"),
    ("the minute 60", "Mon, 18 Aug 2070 02:60:18 GMT"),
    ("the thirtieth of February", "Mon, 30 Feb 2070 02:01:18 GMT"),
    ("a month in full", "Mon, 18 August 2070 02:01:18 GMT"),
    ("a date of ISO 8601", "2070-08-18T02:01:18Z"),
];

pub(crate) fn cases() -> Vec<Case> {
    let line = |value: &str| format!("expires: {value}");
    let read = READ.map(|(id, value)| reused(id, DATES, &[&line(value)]));
    let expired =
        EXPIRED.map(|(id, value)| refetched(format!("{id} counts as expired"), EXPIRES, &[&line(value)]));
    read.into_iter().chain(expired).chain(dates()).chain(ages()).collect()
}

fn dates() -> Vec<Case> {
    vec![
        reused("a future Expires is reused", EXPIRES, &["expires: {+600}", "date: {0}"]),
        refetched("a past Expires is stale", EXPIRES, &["expires: {-600}", "date: {0}"]),
        refetched("an Expires of now is stale", EXPIRES, &["expires: {0}", "date: {0}"]),
        refetched(
            "an Expires before a Date in the future is stale",
            EXPIRES,
            &["expires: {+300}", "date: {+400}"],
        ),
        reused(
            "an invalid Date is the time of receipt",
            "RFC 9110 §6.6.1",
            &["expires: {+10}", "date: soon"],
        ),
        case("a missing Date is the time of receipt", "RFC 9110 §6.6.1")
            .then(get().undated().gives(&["expires: {+10}"]))
            .then(get().after(9).hit())
            .then(get().after(1).miss()),
        case("the lifetime is Expires less Date", "RFC 9111 §4.2.1")
            .then(get().gives(&["expires: {+40}", "date: {+20}"]))
            .then(get().after(19).hit())
            .then(get().after(1).miss()),
        refetched(
            "of two Expires a past first one is not outdone",
            "RFC 9111 §4.2.1",
            &["expires: {-600}", "expires: {+600}"],
        ),
        case("a Date in the form of RFC 850 is read", DATES)
            .then(get().gives(&["expires: {+40}", "date: {850 +20}"]))
            .then(get().after(19).hit())
            .then(get().after(1).miss()),
        refetched(
            "a two-digit year more than fifty years ahead is past",
            DATES,
            &["expires: Tuesday, 18-Aug-87 02:01:18 GMT"],
        ),
    ]
}

fn ages() -> Vec<Case> {
    vec![
        case("a Date of earlier counts as age", "RFC 9111 §4.2.3")
            .then(get().gives(&["date: {-10}", "expires: {+10}"]))
            .then(get().after(9).hit().shows("age: 19"))
            .then(get().after(1).miss()),
        refetched(
            "an Age beyond Expires less a slow Date is stale",
            "RFC 9111 §4.2.3",
            &["date: {-10}", "expires: {+10}", "age: 25"],
        ),
        refetched(
            "an Age beyond Expires less a fast Date is stale",
            "RFC 9111 §4.2.3",
            &["date: {+10}", "expires: {+20}", "age: 15"],
        ),
        case("Expires is sent as it came", "RFC 9111 §5.3")
            .then(get().gives(&["expires: {+600}"]))
            .then(get().after(5).hit().shows("expires: {+600}")),
    ]
}

#[tokio::test]
async fn expires_is_a_date_or_it_is_over() {
    holds_here("expires", cases()).await;
}
