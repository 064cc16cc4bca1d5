use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, Request, request};
use tracing::Span;

use super::asking::ask;
use super::echo::Echo;
use super::names::{Chosen, Names};
use super::{BAGGAGE, Baggage, Correlation, TRACEPARENT, TRACESTATE, TraceContext, TrustPeer};
use crate::CorrelationId;

pub(super) type MakeId = dyn Fn(&request::Parts) -> CorrelationId + Send + Sync;
pub(super) type Sample = dyn Fn(&request::Parts) -> bool + Send + Sync;
pub(super) type MakeSpan = dyn Fn(&Correlation, &request::Parts) -> Span + Send + Sync;

/// What a [`CorrelationLayer`](super::CorrelationLayer) does, shared by all its services.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) names: Names,
    pub(super) echo: Option<HeaderName>,
    pub(super) echo_aliases: Option<Arc<[HeaderName]>>,
    pub(super) longest: usize,
    pub(super) trust: Option<Arc<dyn TrustPeer>>,
    pub(super) make_id: Option<Arc<MakeId>>,
    pub(super) traces: bool,
    pub(super) sample: Option<Arc<Sample>>,
    pub(super) baggage: bool,
    pub(super) make_span: Option<Arc<MakeSpan>>,
    pub(super) spans: bool,
}

/// A request whose correlation is known.
pub(super) struct Accepted {
    pub(super) correlation: Correlation,
    pub(super) echo: Echo,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            names: Names::of(CorrelationId::HEADER),
            echo: Some(CorrelationId::HEADER),
            echo_aliases: None,
            longest: CorrelationId::MAX_LEN,
            trust: None,
            make_id: None,
            traces: false,
            sample: None,
            baggage: false,
            make_span: None,
            spans: true,
        }
    }
}

impl Settings {
    /// Takes over what the request says, or replaces it; leaves it in the extensions and in the request's fields.
    pub(super) fn accept<B>(&self, request: &mut Request<B>) -> Accepted {
        let is_trusted = self.trust.as_ref().is_none_or(|trust| ask(request, |head| trust.trusts(head)));
        let Chosen { id, value } = self.id(request, is_trusted);
        request.extensions_mut().insert(id.clone());
        let mut correlation = Correlation::new(id);
        if self.traces {
            let trace = self.trace(request, is_trusted);
            request.extensions_mut().insert(trace.clone());
            correlation = correlation.with_trace(trace);
        }
        if self.baggage {
            let baggage = baggage(request.headers_mut(), is_trusted);
            if !baggage.is_empty() {
                request.extensions_mut().insert(baggage.clone());
            }
            correlation = correlation.with_baggage(baggage);
        }
        let echo = Echo::new(self.echo.clone(), self.echo_aliases.clone(), value);
        Accepted { correlation, echo }
    }

    fn id<B>(&self, request: &mut Request<B>, is_trusted: bool) -> Chosen {
        let given = if is_trusted { self.names.find(request.headers(), self.longest) } else { None };
        if let Some(value) = given {
            let chosen = Chosen::given(value);
            if !self.names.aliases.is_empty() {
                self.names.settle(request.headers_mut(), &chosen.value);
            }
            return chosen;
        }
        let made = self.make_id.as_ref().map(|make| ask(request, |head| make(head)));
        let chosen = Chosen::made(made.unwrap_or_else(CorrelationId::generate));
        self.names.settle(request.headers_mut(), &chosen.value);
        chosen
    }

    fn trace<B>(&self, request: &mut Request<B>, is_trusted: bool) -> TraceContext {
        let caller = if is_trusted { TraceContext::from_headers(request.headers()) } else { None };
        if let Some(caller) = caller {
            return caller.child();
        }
        request.headers_mut().remove(TRACEPARENT);
        request.headers_mut().remove(TRACESTATE);
        TraceContext::start(self.sample.as_ref().is_some_and(|sample| ask(request, |head| sample(head))))
    }

    pub(super) fn span<B>(&self, correlation: &Correlation, request: &mut Request<B>) -> Span {
        match &self.make_span {
            _ if !self.spans => Span::none(),
            Some(make) => ask(request, |head| make(correlation, head)),
            None => default_span(correlation),
        }
    }
}

fn baggage(headers: &mut HeaderMap, is_trusted: bool) -> Baggage {
    if is_trusted {
        return Baggage::from_headers(headers);
    }
    headers.remove(BAGGAGE);
    Baggage::default()
}

fn default_span(correlation: &Correlation) -> Span {
    let trace = correlation.trace();
    tracing::info_span!(
        target: "integridai_tower::correlation",
        "request",
        correlation_id = correlation.id().as_str(),
        trace_id = trace.map(|trace| tracing::field::display(trace.trace_id())),
        span_id = trace.map(|trace| tracing::field::display(trace.span_id())),
        parent_span_id = trace.and_then(TraceContext::parent_id).map(tracing::field::display),
    )
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("names", &self.names)
            .field("echo", &self.echo)
            .field("echo_aliases", &self.echo_aliases)
            .field("longest", &self.longest)
            .field("traces", &self.traces)
            .field("baggage", &self.baggage)
            .field("spans", &self.spans)
            .finish_non_exhaustive()
    }
}
