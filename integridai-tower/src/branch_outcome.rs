//! How the branches of a fan-out ended.

use std::borrow::Cow;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

/// How a branch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BranchEnd {
    /// With an answer.
    Succeeded,
    /// With an error.
    Failed,
    /// With an answer that is not accepted, such as one with a status of 500.
    Rejected,
    /// With an answer of more bytes than are read.
    TooLarge,
    /// Its time, or that of the whole, was up.
    TimedOut,
    /// It was dropped, since the result no longer depended on it.
    Cancelled,
    /// It had not begun when the result was there.
    NotStarted,
}

impl BranchEnd {
    /// One word, for metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "ok",
            Self::Failed => "error",
            Self::Rejected => "rejected",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::NotStarted => "not_started",
        }
    }
}

/// One branch of a fan-out, when all is over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchOutcome {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Whether there is no result without it.
    pub is_required: bool,
    /// How it ended.
    pub end: BranchEnd,
    /// From its start to its end; zero for one that never began.
    pub latency: Duration,
    /// How often it was tried, as far as it says ([`Attempts`](crate::Attempts)); 0 for one that never began.
    pub attempts: u32,
    /// The status of its answer, where there is one.
    pub status: Option<StatusCode>,
    /// What it failed with, in words that are for logs and not for clients.
    pub error: Option<String>,
}

impl BranchOutcome {
    /// A branch that has not begun.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, is_required: bool) -> Self {
        Self {
            name: name.into(),
            is_required,
            end: BranchEnd::NotStarted,
            latency: Duration::ZERO,
            attempts: 0,
            status: None,
            error: None,
        }
    }

    /// Whether it gave what it was asked for.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.end == BranchEnd::Succeeded
    }
}

/// All branches of a fan-out, in their order. In the extensions of a response that was made of several.
/// A clone shares them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BranchOutcomes(Arc<[BranchOutcome]>);

impl BranchOutcomes {
    /// One by one.
    pub fn iter(&self) -> slice::Iter<'_, BranchOutcome> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first one with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&BranchOutcome> {
        self.iter().find(|branch| branch.name == name)
    }

    /// Those that gave nothing.
    pub fn missing(&self) -> impl Iterator<Item = &BranchOutcome> {
        self.iter().filter(|branch| !branch.is_success())
    }
}

impl FromIterator<BranchOutcome> for BranchOutcomes {
    fn from_iter<I: IntoIterator<Item = BranchOutcome>>(branches: I) -> Self {
        Self(branches.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a BranchOutcomes {
    type Item = &'a BranchOutcome;
    type IntoIter = slice::Iter<'a, BranchOutcome>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
