//! With OpenTelemetry: its spans take the place of the layer's own, and the trace goes on through them.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::convert::Infallible;

use http::{HeaderMap, Request, Response, request};
use integridai_tower::BoxError;
use integridai_tower::correlation::{
    Correlation, CorrelationLayer, PropagateLayer, SpanId, TraceContext, TraceFlags, TraceId,
};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

/// A span whose parent is the caller's operation.
fn span(correlation: &Correlation, request: &request::Parts) -> Span {
    let id = correlation.id().as_str();
    let span = tracing::info_span!("request", correlation_id = id, path = request.uri.path());
    if let Some((trace, caller)) = correlation.trace().and_then(|trace| Some((trace, trace.parent_id()?))) {
        let caller = SpanContext::new(
            opentelemetry::TraceId::from_bytes(trace.trace_id().to_bytes()),
            opentelemetry::SpanId::from_bytes(caller.to_bytes()),
            opentelemetry::TraceFlags::new(trace.flags().bits()),
            true,
            TraceState::default(),
        );
        // It only fails where no OpenTelemetry layer listens, and then there is no span to have a parent.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(caller));
    }
    span
}

/// The span that is being worked on, as the operation that calls.
fn operation() -> Option<TraceContext> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    let trace_id = TraceId::from_bytes(span.trace_id().to_bytes())?;
    let span_id = SpanId::from_bytes(span.span_id().to_bytes())?;
    let operation = TraceContext::new(trace_id, span_id, TraceFlags::from_bits(span.trace_flags().to_u8()));
    // What other tracing systems left stays with the trace.
    let state = Correlation::current()?.trace()?.state().clone();
    Some(operation.with_state(state))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("example"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;

    // Stands for a connection to another service: it answers with what it was told.
    let upstream =
        service_fn(async |call: Request<()>| Ok::<_, Infallible>(Response::new(call.headers().clone())));
    let client = ServiceBuilder::new().layer(PropagateLayer::new().trace_by(operation)).service(upstream);
    let service = ServiceBuilder::new()
        .layer(CorrelationLayer::new().trace_context().span_by(span))
        .service_fn(move |_: Request<()>| client.clone().oneshot(Request::new(())));

    let request = Request::get("/orders")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .header("tracestate", "vendor=1");
    let told: HeaderMap = service.oneshot(request.body(())?).await?.into_body();
    println!("sent on:  {:?} {:?}", told.get("traceparent"), told.get("tracestate"));
    for span in exporter.get_finished_spans()? {
        let context = span.span_context;
        println!(
            "recorded: {} {:?} in {:?}, caused by {:?}",
            span.name,
            context.span_id(),
            context.trace_id(),
            span.parent_span_id
        );
    }
    Ok(())
}
