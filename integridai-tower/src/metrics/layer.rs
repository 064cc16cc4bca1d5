use std::sync::Arc;

use ::metrics::{Label, SharedString};
use tower_layer::Layer;

use super::counters::Counts;
use super::service::RefusalsCounted;

/// Counts the requests that layers below it refuse. See the [module docs](super).
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct CountRefusalsLayer {
    labels: Vec<Label>,
    counts: Arc<Counts>,
}

impl CountRefusalsLayer {
    /// Counts by layer and reason.
    pub fn new() -> Self {
        Self::default()
    }

    /// A further label of every counter.
    pub fn label(mut self, name: impl Into<SharedString>, value: impl Into<SharedString>) -> Self {
        self.labels.push(Label::new(name, value));
        Self { counts: Arc::new(Counts::new(&self.labels)), labels: self.labels }
    }
}

impl<S> Layer<S> for CountRefusalsLayer {
    type Service = RefusalsCounted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RefusalsCounted::new(inner, Arc::clone(&self.counts))
    }
}
