//! Several answers become one.

use std::fmt;

use bytes::Bytes;
use http::Response;

use super::answer::AnswerError;
use super::error::BranchError;
use crate::{BranchOutcome, BranchOutcomes, ConfigError};

/// What a branch gave.
pub(super) type Answer = Result<Response<Bytes>, BranchError<AnswerError>>;

/// Makes one response of several. Closures of `Fn(Answers) -> Response<Bytes>` implement it.
pub trait Merge: Send + Sync {
    /// Whether a branch has succeeded that gave this answer: one with a status of 2xx, unless told. It is asked before the answer
    /// counts for the policy.
    fn accept(&self, branch: &str, response: &Response<Bytes>) -> bool {
        let _ = branch;
        response.status().is_success()
    }

    /// The response. All required branches are there.
    fn merge(&self, answers: Answers) -> Response<Bytes>;

    /// Whether it is made for branches of these names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which is that of [`FanOut::new`](super::FanOut::new).
    fn check(&self, branches: &[&str]) -> Result<(), ConfigError> {
        let _ = branches;
        Ok(())
    }
}

impl<F> Merge for F
where
    F: Fn(Answers) -> Response<Bytes> + Send + Sync,
{
    fn merge(&self, answers: Answers) -> Response<Bytes> {
        self(answers)
    }
}

/// What the branches of a request gave, in their order.
pub struct Answers {
    answers: Vec<Answer>,
    outcomes: BranchOutcomes,
}

impl Answers {
    pub(super) fn new(answers: Vec<Answer>, outcomes: BranchOutcomes) -> Self {
        Self { answers, outcomes }
    }

    /// Each branch with its answer, or why there is none.
    pub fn iter(
        &self,
    ) -> impl Iterator<Item = (&BranchOutcome, Result<&Response<Bytes>, &BranchError<AnswerError>>)> {
        self.outcomes.iter().zip(self.answers.iter().map(Result::as_ref))
    }

    /// The answer of the first branch with this name; `None` where it is missing.
    #[must_use]
    pub fn get(&self, branch: &str) -> Option<&Response<Bytes>> {
        self.iter().find(|(outcome, _)| outcome.name == branch)?.1.ok()
    }

    /// How each branch ended.
    #[must_use]
    pub fn outcomes(&self) -> &BranchOutcomes {
        &self.outcomes
    }

    /// The answers that are there, with their branches' names.
    pub fn into_successes(self) -> impl Iterator<Item = (String, Response<Bytes>)> {
        let names: Vec<String> = self.outcomes.iter().map(|outcome| outcome.name.to_string()).collect();
        names.into_iter().zip(self.answers).filter_map(|(name, answer)| Some((name, answer.ok()?)))
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("outcomes", &self.outcomes).finish_non_exhaustive()
    }
}
