//! Spans of what the gateway does, in the trace that a request came with or began.
//!
//! A span's ids are those of its [`TraceContext`], which is what goes out in `traceparent`: what a service makes of a call is
//! below the span of the call. Spans are made where a trace is sampled and something takes them; otherwise there is none, and
//! asking costs a load and allocates nothing. Nothing waits for a collector: where it takes no more, spans are dropped and
//! counted.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions, and beside them `integridai.*`:
//!
//! | attribute | of | what |
//! | --- | --- | --- |
//! | `integridai.correlation_id` | requests, executions | the id under which logs and events are found |
//! | `integridai.service` | calls of services | which one |
//! | `integridai.layer`, `integridai.reason` | requests that a layer refused | which and why |
//! | `integridai.cache_outcome` | requests that met kept answers | what the cache did |
//! | `integridai.workflow`, `integridai.workflow_id` | executions | which |
//! | `integridai.step`, `integridai.tries` | steps of executions | which, and which try it was |
//! | `integridai.event_type` | events | what happened |

#[cfg(feature = "otlp")]
mod otlp;
mod span;

pub use span::{Attribute, Span, SpanKind, SpanRecord};

use std::sync::OnceLock;

use integridai_tower::correlation::{Correlation, TraceContext, TraceFlags};
use metrics::Counter;
use tokio::sync::{mpsc, oneshot};

use super::TelemetryError;

/// Where spans go.
#[derive(Debug, Clone)]
pub struct TraceOptions {
    /// The collector, without a path of its own.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: TraceProtocol,
    /// Of traces that begin here, the share that is sampled: 0 to 1. A trace that a request came with is as its caller decided.
    pub sample_ratio: f64,
    /// How long a batch may take.
    pub timeout: std::time::Duration,
    /// What all spans have in common, `service.name` among it.
    pub resource: Vec<(String, String)>,
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceProtocol {
    /// OTLP over HTTP with binary protobuf, at `/v1/traces`.
    Http,
    /// OTLP over gRPC.
    Grpc,
}

/// Sends what is left. Keep it until all is done.
#[derive(Debug)]
#[must_use = "spans that wait are lost without it"]
pub struct TraceGuard(());

struct Sink {
    spans: mpsc::Sender<Message>,
    sample_ratio: f64,
    dropped: Counter,
}

#[cfg_attr(
    not(feature = "otlp"),
    allow(dead_code, reason = "without the feature there is nothing that reads them")
)]
enum Message {
    Span(Box<SpanRecord>),
    Flush(oneshot::Sender<()>),
}

static SINK: OnceLock<Sink> = OnceLock::new();

/// Spans that may wait for the collector.
#[cfg(feature = "otlp")]
const MAX_WAITING: usize = 8 * 1024;

/// Sends spans to a collector from now on, for the whole process. Needs a tokio runtime, and a recorder of metrics.
///
/// # Errors
/// When the collector's address cannot be used, spans go somewhere already, or this build cannot send any.
#[cfg(feature = "otlp")]
pub fn start(options: &TraceOptions) -> Result<TraceGuard, TelemetryError> {
    let exporter = otlp::Exporter::new(options)?;
    let (spans, waiting) = mpsc::channel(MAX_WAITING);
    let dropped = metrics::counter!("integridai_trace_spans_total", "outcome" => "dropped");
    let sink = Sink { spans, sample_ratio: options.sample_ratio, dropped };
    SINK.set(sink).map_err(|_| TelemetryError::TracesInstalled)?;
    tokio::spawn(exporter.run(waiting));
    Ok(TraceGuard(()))
}

/// Of a build without the feature `otlp`.
///
/// # Errors
/// Always.
#[cfg(not(feature = "otlp"))]
pub fn start(_: &TraceOptions) -> Result<TraceGuard, TelemetryError> {
    Err(TelemetryError::NoTraces)
}

impl TraceGuard {
    /// Waits until everything that was told so far has been sent, or given up.
    pub async fn finish(self) {
        let Some(sink) = SINK.get() else { return };
        let (done, wait) = oneshot::channel();
        if sink.spans.send(Message::Flush(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

/// Whether spans go anywhere.
#[must_use]
pub fn is_on() -> bool {
    SINK.get().is_some()
}

/// Whether a trace that begins now is sampled.
#[must_use]
pub fn samples() -> bool {
    SINK.get().is_some_and(|sink| rand::random::<f64>() < sink.sample_ratio)
}

/// Whether spans of this trace are made.
#[must_use]
pub fn is_traced(trace: &TraceContext) -> bool {
    is_on() && trace.flags().contains(TraceFlags::SAMPLED)
}

/// The trace that what goes on now belongs to, if spans of it are made.
#[must_use]
pub fn current() -> Option<TraceContext> {
    if !is_on() {
        return None;
    }
    Correlation::current()?.trace().filter(|trace| is_traced(trace)).cloned()
}

/// Hands a span over; never waits.
fn send(span: SpanRecord) {
    let Some(sink) = SINK.get() else { return };
    if sink.spans.try_send(Message::Span(Box::new(span))).is_err() {
        sink.dropped.increment(1);
    }
}
