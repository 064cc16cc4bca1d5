//! A call of one address, until it has ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::standing::{Scores, Standing};
use crate::client::Outcome;

/// A call that is under way. Dropped without an end, it was given up.
#[derive(Debug)]
pub(super) struct Underway {
    scores: Arc<Scores>,
    standing: Arc<Standing>,
    began_ns: u64,
    has_ended: bool,
}

impl Underway {
    pub(super) fn begin(scores: Arc<Scores>, standing: Arc<Standing>) -> Self {
        standing.pending.fetch_add(1, Ordering::Relaxed);
        standing.calls.fetch_add(1, Ordering::Relaxed);
        let began_ns = scores.now_ns();
        Self { scores, standing, began_ns, has_ended: false }
    }

    pub(super) fn end(mut self, outcome: Outcome) {
        self.has_ended = true;
        self.scores.record(&self.standing, outcome, self.began_ns);
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.standing.pending.fetch_sub(1, Ordering::Relaxed);
        if !self.has_ended {
            self.scores.record_given_up(&self.standing, self.began_ns);
        }
    }
}
