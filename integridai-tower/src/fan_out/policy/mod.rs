//! When a fan-out is done, and whether it has come to a result.

use std::time::Duration;

#[cfg(test)]
mod tests;

/// When a fan-out has its result. Branches that still run then are dropped.
///
/// Whatever the policy, there is no result without every required branch, and the first of them that fails ends the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Policy {
    /// When all branches have succeeded; the first that fails ends the whole. Branches that are marked optional are not.
    All,
    /// When all branches have ended: the required ones well, the optional ones as they may. The default.
    #[default]
    Required,
    /// When so many branches have succeeded, at least 1, and the required ones are among them. When so many can no longer succeed,
    /// the whole has failed.
    Quorum(usize),
    /// When one branch has succeeded: a quorum of 1.
    FirstSuccess,
    /// When all branches have ended, or after this time with what is there by then: the required ones, and at least one.
    BestEffort {
        /// From the start of the whole.
        within: Duration,
    },
}

impl Policy {
    /// Whether the whole fails with a branch of this kind.
    pub(super) fn needs(self, is_required: bool) -> bool {
        is_required || self == Self::All
    }

    /// So many branches have to succeed.
    pub(super) fn at_least(self) -> usize {
        match self {
            Self::All | Self::Required => 0,
            Self::Quorum(successes) => successes.max(1),
            Self::FirstSuccess | Self::BestEffort { .. } => 1,
        }
    }

    /// How long the whole may take.
    pub(super) fn within(self) -> Option<Duration> {
        match self {
            Self::BestEffort { within } => Some(within),
            _ => None,
        }
    }

    fn stops_when_there_are_enough(self) -> bool {
        matches!(self, Self::Quorum(_) | Self::FirstSuccess)
    }
}

/// What the branches that have ended make of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is not decided.
    Wait,
    /// There is a result.
    Settled,
    /// There can be none.
    Unmet(Unmet),
}

/// Why there can be no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmet {
    /// A branch failed that is needed.
    Needed { index: usize },
    /// Fewer can succeed than have to.
    TooFew { succeeded: usize, at_least: usize },
}

/// What is known of the branches: a few counts, so that a verdict takes the same time for any number of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    policy: Policy,
    running: usize,
    succeeded: usize,
    needed_left: usize,
    needed_failed: Option<usize>,
}

impl Tally {
    /// None of `branches` has ended; each is told by whether it is required.
    pub(super) fn new(policy: Policy, branches: impl Iterator<Item = bool>) -> Self {
        let (mut running, mut needed_left) = (0, 0);
        for is_required in branches {
            running += 1;
            needed_left += usize::from(policy.needs(is_required));
        }
        Self { policy, running, succeeded: 0, needed_left, needed_failed: None }
    }

    /// This branch has ended, for the first time.
    pub(super) fn end(&mut self, index: usize, is_required: bool, is_success: bool) {
        self.running = self.running.saturating_sub(1);
        let is_needed = self.policy.needs(is_required);
        if is_success {
            self.succeeded += 1;
            self.needed_left = self.needed_left.saturating_sub(usize::from(is_needed));
        } else if is_needed {
            self.needed_failed.get_or_insert(index);
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        if let Some(index) = self.needed_failed {
            return Verdict::Unmet(Unmet::Needed { index });
        }
        let (succeeded, at_least) = (self.succeeded, self.policy.at_least());
        if succeeded + self.running < at_least {
            return Verdict::Unmet(Unmet::TooFew { succeeded, at_least });
        }
        let is_enough =
            self.policy.stops_when_there_are_enough() && succeeded >= at_least && self.needed_left == 0;
        if is_enough || self.running == 0 { Verdict::Settled } else { Verdict::Wait }
    }
}
