use std::fmt;

use super::source::Source;

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl Violation {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails the test with every place that breaks the rule.
pub(crate) fn assert_holds(rule: &str, violations: &[Violation]) {
    let places: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(places.is_empty(), "{rule}\n  {}\n", places.join("\n  "));
}

pub(crate) fn assert_holds_over(rule: &str, sources: &[Source], check: impl Fn(&Source) -> Vec<Violation>) {
    assert_holds(rule, &sources.iter().flat_map(check).collect::<Vec<_>>());
}

/// Fails unless a snippet, put at `path`, breaks the rule once in each of `lines`.
pub(crate) fn assert_caught(
    path: &str,
    text: &str,
    lines: &[usize],
    check: impl Fn(&Source) -> Vec<Violation>,
) {
    let mut found: Vec<usize> = check(&Source::new(path, text)).iter().map(|broken| broken.line).collect();
    found.dedup();
    assert_eq!(found, lines, "{path} breaks the rule in these lines:\n{text}");
}
