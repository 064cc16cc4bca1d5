//! Plays the cases of a theme side by side and lists every one that fails.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt};

use super::case::Case;
use super::known::KNOWN;
use super::layer::Store;
use super::rig::{Cached, Rig};

/// Cases that run at one time.
const WIDTH: usize = 16;

/// Over a store in memory.
///
/// # Panics
/// With the whole list of what does not hold.
pub(crate) async fn holds_here(theme: &str, cases: Vec<Case>) {
    let report = report(theme, &cases, Cached::Here(&Store::Memory)).await;
    assert!(report.is_empty(), "{}", listed(&report));
}

/// Every case of the theme that fails, or is known to fail and passes, and every name that stands there twice.
pub(crate) async fn report(theme: &str, cases: &[Case], cached: Cached<'_>) -> Vec<String> {
    let mut names = HashSet::new();
    let twice = cases.iter().filter(|case| !names.insert(case.id.as_str()));
    let twice: Vec<String> = twice.map(|case| format!("- {theme}: {} stands there twice", case.id)).collect();
    let played = stream::iter(cases).map(|case| play(theme, case, cached)).buffered(WIDTH);
    let failed: Vec<Option<String>> = played.collect().await;
    twice.into_iter().chain(failed.into_iter().flatten()).collect()
}

pub(crate) fn listed(report: &[String]) -> String {
    format!("{} cases:\n{}", report.len(), report.join("\n"))
}

async fn play(theme: &str, case: &Case, cached: Cached<'_>) -> Option<String> {
    let rig = Rig::start(case, cached).await.expect("the loopback has free ports");
    let problems = rig.play(case).await;
    let name = format!("{theme}: {}", case.id);
    let is_known = KNOWN.iter().any(|(known, _)| *known == name);
    match (problems.is_empty(), is_known) {
        (true, true) => Some(format!("- {name} passes now: take it off the list of known failures")),
        (false, false) => Some(format!("- {name} ({})\n    {}", case.section, problems.join("\n    "))),
        _ => None,
    }
}
