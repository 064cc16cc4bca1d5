//! One counter per layer and reason, looked up once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use ::metrics::{Counter, Label, counter};

use super::names::REFUSED_REQUESTS;
use crate::Refused;

/// The greatest number of counters of one layer.
pub const MAX_SERIES: usize = 256;

const OTHER: Refused = Refused { layer: "other", reason: "other" };

#[derive(Default)]
pub(super) struct Counters {
    labels: Vec<Label>,
    known: RwLock<HashMap<Refused, Counter>>,
}

impl Counters {
    pub(super) fn new(labels: Vec<Label>) -> Self {
        Self { labels, known: RwLock::default() }
    }

    pub(super) fn count(&self, refused: Refused) {
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
        counter!(REFUSED_REQUESTS, labels)
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").field("labels", &self.labels).finish_non_exhaustive()
    }
}
