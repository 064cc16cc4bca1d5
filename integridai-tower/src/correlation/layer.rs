use std::sync::Arc;

use http::{HeaderName, request};
use tower_layer::Layer;
use tracing::Span;

use super::names::Names;
use super::service::Correlated;
use super::settings::Settings;
use super::{Correlation, TrustPeer};
use crate::{ConfigError, CorrelationId};

/// Gives each request its id, and each answer the id of its request. See the [module docs](super).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CorrelationLayer {
    settings: Arc<Settings>,
}

impl CorrelationLayer {
    /// Takes over a valid id of up to 128 characters in `X-Correlation-ID`, whoever sent it, or makes a UUID of version 7;
    /// echoes it under that name. Traces and baggage are left alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name under which the id comes, stands in the request for the inner service, and is echoed; instead of
    /// `X-Correlation-ID`. Aliases and other names of the echo come after it.
    pub fn header(self, name: HeaderName) -> Self {
        self.set(|settings| {
            settings.names = Names::of(name.clone());
            settings.echo = Some(name);
            settings.echo_aliases = None;
        })
    }

    /// A further name under which the id may come: it is looked for after the others.
    pub fn alias(self, name: HeaderName) -> Self {
        self.set(|settings| settings.names.aliases.push(name))
    }

    /// The names under which answers carry the id; none for no echo.
    pub fn echo(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut names = names.into_iter();
        self.set(|settings| {
            settings.echo = names.next();
            let others: Arc<[HeaderName]> = names.collect();
            settings.echo_aliases = (!others.is_empty()).then_some(others);
        })
    }

    /// The greatest length in characters of an id that is taken over: what your log or database column has room for. It
    /// says nothing about ids that are [made here](Self::id_by).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when it is zero or above [`CorrelationId::MAX_LEN`].
    pub fn max_len(self, characters: usize) -> Result<Self, ConfigError> {
        if !(1..=CorrelationId::MAX_LEN).contains(&characters) {
            return Err(ConfigError::new("max_len", format!("expected 1 to {}", CorrelationId::MAX_LEN)));
        }
        Ok(self.set(|settings| settings.longest = characters))
    }

    /// Whose word counts. What others say of the id, and of trace and baggage where those are read, is removed from the
    /// request and made anew.
    pub fn trust(self, policy: impl TrustPeer + 'static) -> Self {
        self.set(|settings| settings.trust = Some(Arc::new(policy)))
    }

    /// Makes the ids, instead of [`CorrelationId::generate`].
    pub fn id_by(self, make: impl Fn(&request::Parts) -> CorrelationId + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.make_id = Some(Arc::new(make)))
    }

    /// Reads `traceparent` and `tracestate`: each request is a new operation in its caller's trace, or starts a trace.
    pub fn trace_context(self) -> Self {
        self.set(|settings| settings.traces = true)
    }

    /// Decides whether a trace that starts here is sampled. Without it none is, which is the specification's default for
    /// whoever does not record (Trace Context §3.2.2.5.1).
    pub fn sample_by(self, sample: impl Fn(&request::Parts) -> bool + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.sample = Some(Arc::new(sample)))
    }

    /// Reads `baggage`.
    pub fn baggage(self) -> Self {
        self.set(|settings| settings.baggage = true)
    }

    /// Makes the span in which the inner service works. The default is `request` at level info, with `correlation_id` and,
    /// where traces are read, `trace_id`, `span_id` and `parent_span_id`.
    pub fn span_by(
        self,
        make: impl Fn(&Correlation, &request::Parts) -> Span + Send + Sync + 'static,
    ) -> Self {
        self.set(|settings| settings.make_span = Some(Arc::new(make)))
    }

    /// Makes no span.
    pub fn without_span(self) -> Self {
        self.set(|settings| settings.spans = false)
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S> Layer<S> for CorrelationLayer {
    type Service = Correlated<S>;

    fn layer(&self, inner: S) -> Correlated<S> {
        Correlated::new(inner, Arc::clone(&self.settings))
    }
}
