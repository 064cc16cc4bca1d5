use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::BranchOutcome;

const ENDS: [BranchEnd; 7] = [
    BranchEnd::Succeeded,
    BranchEnd::Failed,
    BranchEnd::Rejected,
    BranchEnd::TooLarge,
    BranchEnd::TimedOut,
    BranchEnd::Cancelled,
    BranchEnd::NotStarted,
];

fn branch(name: &str, end: BranchEnd, microseconds: u64) -> BranchOutcome {
    let mut outcome = BranchOutcome::new(name.to_owned(), false);
    (outcome.end, outcome.latency) = (end, Duration::from_micros(microseconds));
    outcome
}

fn text(value: Option<HeaderValue>) -> Option<String> {
    value.map(|value| value.to_str().unwrap().to_owned())
}

/// A name and its parameters.
type Metric<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// W3C Server Timing §4: `#( metric-name *( OWS ";" OWS name "=" ( token / quoted-string ) ) )`, without escapes.
fn read(value: &str) -> Vec<Metric<'_>> {
    let is_token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let metrics = value.split(", ").map(|metric| {
        let mut parts = metric.split(';');
        let name = parts.next().filter(|name| is_token(name)).unwrap();
        let parameters = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap();
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let value = unquoted.unwrap_or(value);
            assert!(is_token(name) && is_token(value), "{part}");
            (name, value)
        });
        (name, parameters.collect())
    });
    metrics.collect()
}

#[test]
fn branches_are_told_in_milliseconds_and_failures_by_a_word() {
    let outcomes: BranchOutcomes = [
        branch("orders", BranchEnd::Succeeded, 12_345),
        branch("prices", BranchEnd::TimedOut, 300_000),
        branch("stock", BranchEnd::NotStarted, 0),
        branch("a b\"c;d,é", BranchEnd::Cancelled, 1_050),
    ]
    .into_iter()
    .collect();
    let expected =
        "orders;dur=12.345, prices;dur=300;desc=\"timed_out\", a-b-c-d--;dur=1.05;desc=\"cancelled\"";
    assert_eq!(text(server_timing(&outcomes)).as_deref(), Some(expected));
    assert_eq!(text(missing(&outcomes)).as_deref(), Some("prices, stock, a-b-c-d--"));
}

#[test]
fn fields_stay_short_whatever_the_names() {
    let many: BranchOutcomes = (0..1000).map(|_| branch("name", BranchEnd::Failed, 1)).collect();
    let long: BranchOutcomes = (0..9).map(|_| branch(&"n".repeat(500), BranchEnd::Failed, 1)).collect();
    for (outcomes, least) in [(many, 50), (long, 3)] {
        for value in [server_timing(&outcomes), missing(&outcomes)].map(|value| text(value).unwrap()) {
            assert!(value.len() < MAX_BYTES + 64 && value.split(", ").count() >= least, "{value}");
        }
    }
}

#[test]
fn there_is_no_empty_field() {
    let none = BranchOutcomes::default();
    assert_eq!((server_timing(&none), missing(&none)), (None, None));
    let well = [branch("orders", BranchEnd::Succeeded, 1)].into_iter().collect();
    assert_eq!(missing(&well), None);
}

proptest! {
    #[test]
    fn any_names_make_a_field_of_the_grammar(
        branches in vec((any::<String>(), prop::sample::select(&ENDS[..]), 0..10_000_000_u64), 1..6),
    ) {
        let outcomes: BranchOutcomes =
            branches.iter().map(|(name, end, time)| branch(name, *end, *time)).collect();
        let begun: Vec<&BranchOutcome> =
            outcomes.iter().filter(|branch| branch.end != BranchEnd::NotStarted).collect();
        let value = text(server_timing(&outcomes));
        let metrics = value.as_deref().map(read).unwrap_or_default();
        prop_assert_eq!(metrics.len(), begun.len());
        for ((_, parameters), branch) in metrics.into_iter().zip(begun) {
            let milliseconds: f64 = parameters[0].1.parse().unwrap();
            prop_assert_eq!(parameters[0].0, "dur");
            prop_assert!((milliseconds - branch.latency.as_secs_f64() * 1000.0).abs() < 1e-6);
            prop_assert_eq!(parameters.len() == 1, branch.is_success());
        }
        for name in text(missing(&outcomes)).iter().flat_map(|value| value.split(", ")) {
            prop_assert!(name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*'));
        }
    }
}
