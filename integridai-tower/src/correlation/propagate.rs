//! Towards other services: what is known of the request goes with each call that it causes.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap, HeaderName, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::names::Names;
use super::{BAGGAGE, Baggage, Correlation, TraceContext};
use crate::CorrelationId;

/// Sends id and trace context, and baggage if told to, along with each call of a client. See the
/// [module docs](super#towards-other-services).
#[derive(Clone, Debug)]
#[must_use]
pub struct PropagateLayer {
    settings: Arc<Settings>,
}

/// To look up by: a constant is made and dropped at each use.
static NAME: HeaderName = BAGGAGE;

type TraceBy = dyn Fn() -> Option<TraceContext> + Send + Sync;

#[derive(Clone)]
struct Settings {
    names: Names,
    trace_by: Option<Arc<TraceBy>>,
    operation_per_call: bool,
    baggage: bool,
}

impl PropagateLayer {
    /// Sends the id in `X-Correlation-ID` and the trace in `traceparent` and `tracestate`, and keeps `baggage` back.
    pub fn new() -> Self {
        let names = Names::of(CorrelationId::HEADER);
        let settings = Settings { names, trace_by: None, operation_per_call: false, baggage: false };
        Self { settings: Arc::new(settings) }
    }

    /// The name under which the id is sent, instead of `X-Correlation-ID`; aliases come after it.
    pub fn header(self, name: HeaderName) -> Self {
        self.set(|settings| settings.names = Names::of(name))
    }

    /// A further name under which the id is sent.
    pub fn alias(self, name: HeaderName) -> Self {
        self.set(|settings| settings.names.aliases.push(name))
    }

    /// Sends baggage along. It may hold secrets and names of customers: do it for services of your own alone.
    pub fn baggage(self) -> Self {
        self.set(|settings| settings.baggage = true)
    }

    /// Asks for the calling operation at each call, before the request's extensions and what is current. For tracing systems
    /// that have operations of their own, such as OpenTelemetry, where `None` means that none is being worked on.
    pub fn trace_by(self, operation: impl Fn() -> Option<TraceContext> + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.trace_by = Some(Arc::new(operation)))
    }

    /// Makes each call an operation of its own, a child of the calling one, and leaves it in the request's extensions: for
    /// whoever records calls below this layer. Otherwise all calls of an operation have its id as their `parent-id`, since
    /// an id that nobody records would cut the trace in two.
    pub fn operation_per_call(self) -> Self {
        self.set(|settings| settings.operation_per_call = true)
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl Default for PropagateLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for PropagateLayer {
    type Service = Propagate<S>;

    fn layer(&self, inner: S) -> Propagate<S> {
        Propagate { inner, settings: Arc::clone(&self.settings) }
    }
}

/// The service of [`PropagateLayer`].
#[derive(Clone, Debug)]
pub struct Propagate<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, B> Service<Request<B>> for Propagate<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let mut headers = std::mem::take(request.headers_mut());
        self.settings.inject(&mut headers, request.extensions_mut());
        *request.headers_mut() = headers;
        self.inner.call(request)
    }
}

impl Settings {
    fn inject(&self, headers: &mut HeaderMap, extensions: &mut Extensions) {
        // Before the look at what is current: it is not our code.
        let operation = self.trace_by.as_ref().and_then(|operation| operation());
        Correlation::with_current(|current| {
            self.inject_id(headers, extensions.get(), current.map(Correlation::id));
            let baggage = extensions.get().or_else(|| current.map(Correlation::baggage));
            self.inject_baggage(headers, baggage);
            self.inject_trace(headers, extensions, operation.as_ref(), current.and_then(Correlation::trace));
        });
    }

    fn inject_trace(
        &self,
        headers: &mut HeaderMap,
        extensions: &mut Extensions,
        operation: Option<&TraceContext>,
        current: Option<&TraceContext>,
    ) {
        let calling = operation.or_else(|| extensions.get()).or(current);
        let Some(calling) = calling else { return };
        if !self.operation_per_call {
            return calling.inject(headers);
        }
        let call = calling.child();
        call.inject(headers);
        extensions.insert(call);
    }

    /// An id that the caller of the client put there itself is more to the point than what is current.
    fn inject_id(
        &self,
        headers: &mut HeaderMap,
        own: Option<&CorrelationId>,
        current: Option<&CorrelationId>,
    ) {
        let first = &self.names.first;
        match (own, current) {
            (Some(own), _) => drop(headers.insert(first, own.to_header_value())),
            (None, Some(current)) => drop(headers.entry(first).or_insert_with(|| current.to_header_value())),
            (None, None) => {}
        }
        if self.names.aliases.is_empty() {
            return;
        }
        if let Some(value) = headers.get(&self.names.first).cloned() {
            for alias in &self.names.aliases {
                headers.insert(alias, value.clone());
            }
        }
    }

    fn inject_baggage(&self, headers: &mut HeaderMap, baggage: Option<&Baggage>) {
        if !self.baggage {
            headers.remove(&NAME);
        } else if let Some(baggage) = baggage {
            baggage.inject(headers);
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, trace_by, operation_per_call, baggage } = self;
        f.debug_struct("Settings")
            .field("names", names)
            .field("trace_by", &trace_by.is_some())
            .field("operation_per_call", operation_per_call)
            .field("baggage", baggage)
            .finish()
    }
}
