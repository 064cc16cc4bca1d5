//! The cases, by theme.

use crate::case::Case;

mod age;
mod authorization;
mod cache_status;
mod cc_freshness;
mod cc_parse;
mod coalescing;
mod conditional;
mod expires;
mod head;
mod heuristic;
mod hop_by_hop;
mod invalidation;
mod key;
mod methods;
mod passing;
mod range;
mod request_directives;
mod stale;
mod status_codes;
mod storing;
mod targeted;
mod update304;
mod validate;
mod vary;

/// A theme and what makes its cases.
pub(crate) type Theme = (&'static str, fn() -> Vec<Case>);

pub(crate) const THEMES: [Theme; 24] = [
    ("age", age::cases),
    ("authorization", authorization::cases),
    ("cache_status", cache_status::cases),
    ("cc_freshness", cc_freshness::cases),
    ("cc_parse", cc_parse::cases),
    ("coalescing", coalescing::cases),
    ("conditional", conditional::cases),
    ("expires", expires::cases),
    ("head", head::cases),
    ("heuristic", heuristic::cases),
    ("hop_by_hop", hop_by_hop::cases),
    ("invalidation", invalidation::cases),
    ("key", key::cases),
    ("methods", methods::cases),
    ("passing", passing::cases),
    ("range", range::cases),
    ("request_directives", request_directives::cases),
    ("stale", stale::cases),
    ("status_codes", status_codes::cases),
    ("storing", storing::cases),
    ("targeted", targeted::cases),
    ("update304", update304::cases),
    ("validate", validate::cases),
    ("vary", vary::cases),
];

#[test]
fn the_table_holds_at_least_three_hundred_cases_that_name_their_sections() {
    let cases: Vec<Case> = THEMES.iter().flat_map(|(_, cases)| cases()).collect();
    assert!(cases.len() >= 300, "{} cases", cases.len());
    for case in &cases {
        let (standard, section) = case.section.split_once(" §").unwrap_or_default();
        let is_named =
            standard.starts_with("RFC ") && section.starts_with(|digit: char| digit.is_ascii_digit());
        assert!(is_named && !case.steps.is_empty(), "{} names {:?}", case.id, case.section);
    }
}
