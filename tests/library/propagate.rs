//! The client side of correlation over a probe: what goes out with a call, and what must not.

use std::convert::Infallible;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use integridai_tower::CorrelationId;
use integridai_tower::correlation::{
    Baggage, Correlation, CorrelationLayer, PropagateLayer, SpanId, TraceContext, TraceFlags, TraceId,
};
use tower::{Layer, Service, ServiceExt};

use crate::support::probe::Probe;

async fn echo(request: Request<()>) -> Result<Response<HeaderMap>, Infallible> {
    Ok(Response::new(request.headers().clone()))
}

async fn sent(layer: PropagateLayer, request: Request<()>) -> HeaderMap {
    layer.layer(Probe::new(echo)).oneshot(request).await.unwrap().into_body()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let only = values.next().map(|value| value.to_str().unwrap().to_owned());
    assert!(values.next().is_none(), "{name} is sent once");
    only
}

fn known() -> Correlation {
    let trace = TraceContext::start(true).with_state("a=1,b=2".parse().unwrap());
    Correlation::new("job-7".parse().unwrap()).with_trace(trace).with_baggage("k=secret".parse().unwrap())
}

#[tokio::test]
async fn what_is_current_goes_out_but_for_baggage() {
    let known = known();
    let headers = known.clone().scope(sent(PropagateLayer::new(), Request::new(()))).await;
    assert_eq!(text(&headers, "x-correlation-id").as_deref(), Some("job-7"));
    assert_eq!(text(&headers, "traceparent"), known.trace().map(ToString::to_string));
    assert_eq!(text(&headers, "tracestate").as_deref(), Some("a=1,b=2"));
    assert_eq!(text(&headers, "baggage"), None);
    let headers = known.scope(sent(PropagateLayer::new().baggage(), Request::new(()))).await;
    assert_eq!(text(&headers, "baggage").as_deref(), Some("k=secret"));
    assert!(!format!("{headers:?}").contains("secret"));
}

#[tokio::test]
async fn a_call_that_is_an_operation_of_its_own_is_known_to_whoever_records_it() {
    let caller = TraceContext::start(true);
    let calls = PropagateLayer::new().operation_per_call().layer(Probe::new(async |request: Request<()>| {
        let own = request.extensions().get::<TraceContext>().cloned();
        Ok::<_, Infallible>(Response::new((own.unwrap(), request.headers().clone())))
    }));
    let known = Correlation::new("job-7".parse().unwrap()).with_trace(caller.clone());
    let (own, headers) = known.scope(calls.oneshot(Request::new(()))).await.unwrap().into_body();
    assert_eq!((own.trace_id(), own.parent_id()), (caller.trace_id(), Some(caller.span_id())));
    assert_eq!(text(&headers, "traceparent"), Some(own.to_string()));
}

#[tokio::test]
async fn without_anything_known_nothing_is_added_and_nothing_is_remembered() {
    let client = PropagateLayer::new().baggage().layer(Probe::new(echo));
    known().scope(client.clone().oneshot(Request::new(()))).await.unwrap();
    let headers = client.oneshot(Request::new(())).await.unwrap().into_body();
    assert!(headers.is_empty(), "{headers:?}");
}

#[tokio::test]
async fn the_extensions_of_a_request_come_before_what_is_current() {
    let own = TraceContext::start(false);
    let mut request = Request::new(());
    request.extensions_mut().insert("own".parse::<CorrelationId>().unwrap());
    request.extensions_mut().insert(own.clone());
    request.extensions_mut().insert("own=1".parse::<Baggage>().unwrap());
    for (name, stale) in [("x-correlation-id", "stale"), ("traceparent", "stale"), ("tracestate", "stale=1")]
    {
        request.headers_mut().append(name, HeaderValue::from_static(stale));
    }
    let headers = known().scope(sent(PropagateLayer::new().baggage(), request)).await;
    assert_eq!(text(&headers, "x-correlation-id").as_deref(), Some("own"));
    assert_eq!(text(&headers, "traceparent"), Some(own.to_string()));
    assert_eq!(text(&headers, "tracestate"), None, "that of another trace is gone");
    assert_eq!(text(&headers, "baggage").as_deref(), Some("own=1"));
}

#[tokio::test]
async fn an_id_that_the_caller_wrote_comes_before_what_is_current() {
    let written = || Request::builder().header("x-correlation-id", "written").body(()).unwrap();
    let alias = HeaderName::from_static("x-request-id");
    let layer = PropagateLayer::new().alias(alias);
    let headers = known().scope(sent(layer.clone(), written())).await;
    assert_eq!(text(&headers, "x-correlation-id").as_deref(), Some("written"));
    assert_eq!(text(&headers, "x-request-id").as_deref(), Some("written"));
    let headers = known().scope(sent(layer, Request::new(()))).await;
    assert_eq!(text(&headers, "x-request-id").as_deref(), Some("job-7"));
}

#[tokio::test]
async fn a_header_with_baggage_stays_here_too() {
    let passed_on = || Request::builder().header("baggage", "from=afar").body(()).unwrap();
    assert_eq!(text(&sent(PropagateLayer::new(), passed_on()).await, "baggage"), None);
    let kept = sent(PropagateLayer::new().baggage(), passed_on()).await;
    assert_eq!(text(&kept, "baggage").as_deref(), Some("from=afar"));
}

#[tokio::test]
async fn a_tracing_system_says_which_operation_calls() {
    let operation = TraceContext::new(
        TraceId::from_bytes([1; 16]).unwrap(),
        SpanId::from_bytes([2; 8]).unwrap(),
        TraceFlags::SAMPLED,
    );
    let told = operation.clone();
    let layer = PropagateLayer::new().trace_by(move || {
        // It may ask what is current.
        Correlation::current().map(|_| told.clone())
    });
    let headers = known().scope(sent(layer.clone(), Request::new(()))).await;
    assert_eq!(text(&headers, "traceparent"), Some(operation.to_string()));
    assert_eq!(text(&sent(layer, Request::new(())).await, "traceparent"), None);
}

#[tokio::test]
async fn a_call_inside_a_request_is_a_child_of_its_caller_in_the_same_trace() {
    let client = PropagateLayer::new().layer(Probe::new(echo));
    let mut service = CorrelationLayer::new().trace_context().layer(Probe::new(move |_: Request<()>| {
        // The client's request knows nothing of the one that is being answered.
        client.clone().oneshot(Request::new(()))
    }));
    let mut request = Request::builder()
        .header("x-correlation-id", "c-1")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03")
        .header("tracestate", "vendor=1");
    request = request.header("tracestate", "other=2");
    let answer = service.ready().await.unwrap().call(request.body(()).unwrap()).await.unwrap();
    let headers = answer.into_body();
    let out: TraceContext = text(&headers, "traceparent").unwrap().parse().unwrap();
    assert_eq!(out.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_ne!(out.span_id().to_string(), "00f067aa0ba902b7");
    assert_eq!(out.flags().bits(), 3);
    assert_eq!(text(&headers, "tracestate").as_deref(), Some("vendor=1,other=2"));
    assert_eq!(text(&headers, "x-correlation-id").as_deref(), Some("c-1"));
}

#[tokio::test]
async fn the_client_that_is_ready_is_called_and_never_cloned() {
    let probe = Probe::new(echo).pending(2);
    let watch = probe.watch();
    let mut client = PropagateLayer::new().layer(probe);
    for number in 1..=2 {
        client.ready().await.unwrap().call(Request::new(())).await.unwrap();
        assert_eq!((watch.calls(), watch.polls(), watch.clones()), (number, 3 * number, 0));
    }
    drop(client.ready().await.unwrap().call(Request::new(())));
    assert_eq!((watch.cancelled(), watch.in_flight()), (1, 0));
}
