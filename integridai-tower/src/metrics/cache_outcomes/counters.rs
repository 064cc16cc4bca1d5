//! One counter per outcome, looked up once.

use std::fmt;
use std::sync::OnceLock;

use ::metrics::{Counter, Label, counter};

use crate::cache_outcome::CacheOutcome;
use crate::metrics::names::{CACHE_REQUESTS, CACHE_SERVED_BYTES};

const OUTCOMES: usize = CacheOutcome::ALL.len();

/// What a cache did, with labels of its own.
pub(super) struct Counts {
    labels: Vec<Label>,
    requests: [OnceLock<Counter>; OUTCOMES],
    bytes: [OnceLock<Counter>; OUTCOMES],
}

impl Counts {
    pub(super) fn new(labels: Vec<Label>) -> Self {
        Self { labels, requests: Default::default(), bytes: Default::default() }
    }

    /// Counts one answer whose content has so many bytes, if that is known.
    pub(super) fn count(&self, outcome: CacheOutcome, bytes: Option<u64>) {
        self.of(&self.requests, CACHE_REQUESTS, outcome).increment(1);
        if let Some(bytes) = bytes.filter(|_| outcome.is_from_store()) {
            self.of(&self.bytes, CACHE_SERVED_BYTES, outcome).increment(bytes);
        }
    }

    fn of<'a>(
        &self,
        counters: &'a [OnceLock<Counter>; OUTCOMES],
        name: &'static str,
        outcome: CacheOutcome,
    ) -> &'a Counter {
        counters[outcome as usize].get_or_init(|| {
            let own = Label::from_static_parts("outcome", outcome.as_str());
            let labels: Vec<Label> = std::iter::once(own).chain(self.labels.iter().cloned()).collect();
            counter!(name, labels)
        })
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").field("labels", &self.labels).finish_non_exhaustive()
    }
}
