//! Cases that fail for a reason that stays, by theme and name; one that passes fails its theme until it is taken off.

pub(crate) const KNOWN: &[(&str, &str)] =
    &[("passing: a 103 reaches the client", "hyper's server sends no interim answer but 100")];

#[test]
fn every_known_failure_is_a_case() {
    let names: Vec<String> = super::themes::THEMES
        .iter()
        .flat_map(|(theme, cases)| cases().into_iter().map(move |case| format!("{theme}: {}", case.id)))
        .collect();
    for (known, _) in KNOWN {
        assert!(names.iter().any(|name| name == known), "{known} is no case");
    }
}
