//! Towards a collector: spans go in batches, each once.

use std::time::Duration;

use integridai_tower::correlation::{self, TraceContext};
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Attribute, Message, SpanKind, SpanRecord, TraceOptions, TraceProtocol};
use crate::telemetry::TelemetryError;

/// Spans that go at once.
const BATCH: usize = 512;

/// How long the first span of a batch waits for others.
const DELAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Exporter {
    exporter: SpanExporter,
    scope: InstrumentationScope,
    timeout: Duration,
}

impl Exporter {
    pub(super) fn new(options: &TraceOptions) -> Result<Self, TelemetryError> {
        let endpoint = options.endpoint.trim_end_matches('/');
        let built = match options.protocol {
            TraceProtocol::Http => SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(format!("{endpoint}/v1/traces"))
                .with_timeout(options.timeout)
                .build(),
            TraceProtocol::Grpc => SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .with_timeout(options.timeout)
                .build(),
        };
        let mut exporter = built.map_err(|error| TelemetryError::Collector(error.into()))?;
        let resource =
            options.resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        exporter.set_resource(&Resource::builder_empty().with_attributes(resource).build());
        let scope =
            InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION"));
        Ok(Self { exporter, scope: scope.build(), timeout: options.timeout })
    }

    /// Until nobody can hand in spans any more.
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Message>) {
        let (mut batch, mut told) = (Vec::with_capacity(BATCH), Vec::<oneshot::Sender<()>>::new());
        while let Some(first) = waiting.recv().await {
            self.take(first, &mut batch, &mut told);
            let until = Instant::now() + DELAY;
            while batch.len() < BATCH && told.is_empty() {
                let Ok(Some(next)) = timeout_at(until, waiting.recv()).await else { break };
                self.take(next, &mut batch, &mut told);
            }
            self.send(std::mem::take(&mut batch)).await;
            told.drain(..).for_each(|done| {
                let _ = done.send(());
            });
        }
    }

    fn take(&self, message: Message, batch: &mut Vec<SpanData>, told: &mut Vec<oneshot::Sender<()>>) {
        match message {
            Message::Span(record) => batch.push(span(*record, &self.scope)),
            Message::Flush(done) => told.push(done),
        }
    }

    async fn send(&self, batch: Vec<SpanData>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let sent = tokio::time::timeout(self.timeout, self.exporter.export(batch)).await;
        let outcome = match sent {
            Ok(Ok(())) => "sent",
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "spans could not be sent");
                "failed"
            }
            Err(_) => {
                tracing::warn!("the collector of spans does not answer in time");
                "failed"
            }
        };
        metrics::counter!("integridai_trace_spans_total", "outcome" => outcome).increment(count);
    }
}

fn span(record: SpanRecord, scope: &InstrumentationScope) -> SpanData {
    let SpanRecord { trace, name, kind, started_at, ended_at, attributes, link, error } = record;
    let mut links = SpanLinks::default();
    links.links.extend(link.map(|link| opentelemetry::trace::Link::with_context(context(&link, true))));
    SpanData {
        span_context: context(&trace, false),
        parent_span_id: trace.parent_id().map_or(SpanId::INVALID, span_id),
        parent_span_is_remote: matches!(kind, SpanKind::Server | SpanKind::Consumer),
        span_kind: kind_of(kind),
        name,
        start_time: started_at,
        end_time: ended_at.max(started_at),
        attributes: attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: error.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope.clone(),
    }
}

fn context(trace: &TraceContext, is_remote: bool) -> SpanContext {
    let trace_id = TraceId::from_bytes(trace.trace_id().to_bytes());
    let flags = TraceFlags::new(trace.flags().bits());
    let state = trace.state().as_str().parse::<TraceState>().unwrap_or_default();
    SpanContext::new(trace_id, span_id(trace.span_id()), flags, is_remote, state)
}

fn span_id(id: correlation::SpanId) -> SpanId {
    SpanId::from_bytes(id.to_bytes())
}

fn kind_of(kind: SpanKind) -> opentelemetry::trace::SpanKind {
    use opentelemetry::trace::SpanKind as Kind;

    match kind {
        SpanKind::Server => Kind::Server,
        SpanKind::Client => Kind::Client,
        SpanKind::Internal => Kind::Internal,
        SpanKind::Producer => Kind::Producer,
        SpanKind::Consumer => Kind::Consumer,
    }
}

fn attribute((name, value): (&'static str, Attribute)) -> KeyValue {
    match value {
        Attribute::Text(text) => KeyValue::new(name, text),
        Attribute::Number(number) => KeyValue::new(name, number),
    }
}
