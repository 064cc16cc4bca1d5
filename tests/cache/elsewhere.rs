//! The example as strangers meet it: a process in front of an origin, with the cases that need neither a clock of their
//! own nor settings.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::case::Case;
use super::rig::Cached;
use super::suite::{listed, report};
use super::themes::THEMES;

/// Where cargo puts it, built anew where it is older than its sources. The features are those of `tests/run`, where it is
/// built already.
fn caching_proxy() -> PathBuf {
    let arguments = ["build", "--quiet", "--workspace", "--all-features", "--example", "caching_proxy"];
    let release = if cfg!(debug_assertions) { None } else { Some("--release") };
    let build = Command::new(env!("CARGO")).args(arguments).args(release).status();
    assert!(build.expect("cargo runs").success(), "the example does not build");
    let test = env::current_exe().expect("a test is a file");
    let folder = test.parent().and_then(|folder| folder.parent()).expect("target/PROFILE/deps");
    folder.join("examples").join("caching_proxy").with_extension(env::consts::EXE_EXTENSION)
}

fn cases() -> Vec<(&'static str, Vec<Case>)> {
    let timeless = |cases: Vec<Case>| cases.into_iter().filter(Case::needs_no_clock).collect();
    THEMES.iter().map(|(theme, cases)| (*theme, timeless(cases()))).collect()
}

#[test]
fn many_cases_need_no_clock() {
    assert!(cases().iter().map(|(_, cases)| cases.len()).sum::<usize>() >= 100);
}

#[tokio::test]
async fn the_example_proxy_holds_every_case_that_needs_no_clock() {
    let program = caching_proxy();
    let mut all = Vec::new();
    for (theme, cases) in cases() {
        all.extend(report(theme, &cases, Cached::There(&program)).await);
    }
    assert!(all.is_empty(), "{}", listed(&all));
}
