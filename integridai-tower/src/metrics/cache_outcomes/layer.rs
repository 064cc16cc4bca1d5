use std::sync::Arc;

use ::metrics::{Label, SharedString};
use tower_layer::Layer;

use super::counters::Counts;
use super::service::CacheOutcomesCounted;

/// Counts what a cache below it does for requests, and what it spares the origin. See the [module docs](crate::metrics).
#[derive(Debug, Clone)]
#[must_use]
pub struct CountCacheOutcomesLayer {
    labels: Vec<Label>,
    counts: Arc<Counts>,
}

impl CountCacheOutcomesLayer {
    /// Counts by outcome.
    pub fn new() -> Self {
        Self::with(Vec::new())
    }

    /// A further label of every counter, such as which cache it is.
    pub fn label(mut self, name: impl Into<SharedString>, value: impl Into<SharedString>) -> Self {
        self.labels.push(Label::new(name, value));
        Self::with(self.labels)
    }

    fn with(labels: Vec<Label>) -> Self {
        Self { counts: Arc::new(Counts::new(labels.clone())), labels }
    }
}

impl Default for CountCacheOutcomesLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for CountCacheOutcomesLayer {
    type Service = CacheOutcomesCounted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CacheOutcomesCounted::new(inner, Arc::clone(&self.counts))
    }
}
