//! Where in a trace an operation stands.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::trace_id::{SpanId, TraceId};
use super::trace_state::TraceState;
use super::traceparent::{self, TraceFlags};
use super::{InvalidTraceContext, list};

/// The field that names the trace and the calling operation (Trace Context §3.2).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The field in which tracing systems keep what is theirs (Trace Context §3.3).
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Where in a trace an operation stands: W3C Trace Context, level 2. A clone shares everything.
///
/// Found in the extensions of a request that came through a [`CorrelationLayer`](super::CorrelationLayer) with
/// [`trace_context`](super::CorrelationLayer::trace_context). It prints and parses as a `traceparent`.
///
/// ```
/// use integridai_tower::correlation::TraceContext;
///
/// let caller: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// let own = caller.child();
/// assert_eq!((own.trace_id(), own.parent_id()), (caller.trace_id(), Some(caller.span_id())));
/// assert!(own.flags().contains(integridai_tower::correlation::TraceFlags::SAMPLED));
/// # Ok::<(), integridai_tower::correlation::InvalidTraceContext>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext(Arc<Place>);

#[derive(Clone, PartialEq, Eq)]
struct Place {
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
    flags: TraceFlags,
    state: TraceState,
}

impl TraceContext {
    /// The operation `span_id` of a trace, without a parent and a state.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> Self {
        Self(Arc::new(Place { trace_id, span_id, parent_id: None, flags, state: TraceState::default() }))
    }

    /// The first operation of a new trace, whose random flag is set. `sampled` says whether it is being recorded.
    #[must_use]
    pub fn start(sampled: bool) -> Self {
        let flags = TraceFlags::RANDOM.with(TraceFlags::SAMPLED, sampled);
        Self::new(TraceId::random(), SpanId::random(), flags)
    }

    /// The caller's operation, as the fields of a request name it; `None` where `traceparent` is absent, repeated or
    /// invalid, and `tracestate` counts for nothing then (Trace Context §3.3).
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let only = values.next().filter(|_| values.next().is_none())?;
        let (trace_id, span_id, flags) = traceparent::parse(only.as_bytes())?;
        Some(Self::new(trace_id, span_id, flags).with_state(TraceState::from_headers(headers)))
    }

    /// A new operation that this one caused: the same trace, flags and state.
    #[must_use]
    pub fn child(&self) -> Self {
        let parent_id = Some(self.0.span_id);
        Self(Arc::new(Place { span_id: SpanId::random(), parent_id, ..Place::clone(&self.0) }))
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.0.trace_id
    }

    /// The operation.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.0.span_id
    }

    /// The operation that caused it, where it is known.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        self.0.parent_id
    }

    /// Whether it is sampled, and whether its trace id is random.
    #[must_use]
    pub fn flags(&self) -> TraceFlags {
        self.0.flags
    }

    /// What tracing systems left.
    #[must_use]
    pub fn state(&self) -> &TraceState {
        &self.0.state
    }

    /// With another state.
    #[must_use]
    pub fn with_state(mut self, state: TraceState) -> Self {
        Arc::make_mut(&mut self.0).state = state;
        self
    }

    /// With this decision on recording. Whoever changes it has to be a new operation: see [`child`](Self::child).
    #[must_use]
    pub fn with_sampled(mut self, sampled: bool) -> Self {
        let place = Arc::make_mut(&mut self.0);
        place.flags = place.flags.with(TraceFlags::SAMPLED, sampled);
        self
    }

    /// Puts the fields into a request that this operation makes: `traceparent`, and `tracestate` unless it is empty.
    /// What stood there before is gone.
    pub fn inject(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, field(&self.traceparent()));
        if self.0.state.is_empty() {
            headers.remove(TRACESTATE);
        } else {
            headers.insert(TRACESTATE, field(self.0.state.as_str().as_bytes()));
        }
    }

    fn traceparent(&self) -> [u8; traceparent::LENGTH] {
        traceparent::print(self.0.trace_id, self.0.span_id, self.0.flags)
    }
}

fn field(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("only visible ASCII and spaces are kept")
}

impl FromStr for TraceContext {
    type Err = InvalidTraceContext;

    fn from_str(text: &str) -> Result<Self, InvalidTraceContext> {
        let (trace_id, span_id, flags) = traceparent::parse(text.as_bytes()).ok_or(InvalidTraceContext)?;
        Ok(Self::new(trace_id, span_id, flags))
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(list::ascii(&self.traceparent()))
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { trace_id, span_id, parent_id, flags, state } = &*self.0;
        f.debug_struct("TraceContext")
            .field("trace_id", trace_id)
            .field("span_id", span_id)
            .field("parent_id", parent_id)
            .field("flags", flags)
            .field("state", state)
            .finish()
    }
}
