//! One counter of a name per layer and reason, looked up once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use ::metrics::{Counter, Label, counter};
use http::Extensions;

use super::branch_times::BranchTimes;
use super::names::{REFUSED_REQUESTS, SHADOW_REFUSED_REQUESTS};
use crate::{BranchOutcomes, Refused, WouldRefuse};

/// The greatest number of counters of one name and layer.
pub const MAX_SERIES: usize = 256;

/// What a layer counts, with labels of its own.
#[derive(Debug)]
pub(super) struct Counts {
    refused: Counters,
    shadow_refused: Counters,
    branches: BranchTimes,
}

impl Counts {
    pub(super) fn new(labels: &[Label]) -> Self {
        let counters = |name| Counters::new(name, labels.to_vec());
        Self {
            refused: counters(REFUSED_REQUESTS),
            shadow_refused: counters(SHADOW_REFUSED_REQUESTS),
            branches: BranchTimes::new(labels.to_vec()),
        }
    }

    /// Counts what the extensions of a response say.
    pub(super) fn count(&self, extensions: &Extensions) {
        if let Some(refused) = extensions.get::<Refused>() {
            self.refused.count(*refused);
        }
        if let Some(WouldRefuse(refused)) = extensions.get::<WouldRefuse>() {
            self.shadow_refused.count(*refused);
        }
        if let Some(outcomes) = extensions.get::<BranchOutcomes>() {
            self.branches.record(outcomes);
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self::new(&[])
    }
}

const OTHER: Refused = Refused { layer: "other", reason: "other" };

struct Counters {
    name: &'static str,
    labels: Vec<Label>,
    known: RwLock<HashMap<Refused, Counter>>,
}

impl Counters {
    fn new(name: &'static str, labels: Vec<Label>) -> Self {
        Self { name, labels, known: RwLock::default() }
    }

    fn count(&self, refused: Refused) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = known.get(&refused) {
            return counter.increment(1);
        }
        drop(known);
        self.meet(refused).increment(1);
    }

    fn meet(&self, refused: Refused) -> Counter {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let is_full = known.len() >= MAX_SERIES - 1 && !known.contains_key(&refused);
        let refused = if is_full { OTHER } else { refused };
        known.entry(refused).or_insert_with(|| self.counter(refused)).clone()
    }

    fn counter(&self, refused: Refused) -> Counter {
        let own = [("layer", refused.layer), ("reason", refused.reason)];
        let own = own.map(|(name, value)| Label::from_static_parts(name, value));
        let labels: Vec<Label> = own.into_iter().chain(self.labels.iter().cloned()).collect();
        counter!(self.name, labels)
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters")
            .field("name", &self.name)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}
