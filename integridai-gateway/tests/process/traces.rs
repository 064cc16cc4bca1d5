//! Spans, as a collector of OpenTelemetry gets them.
use std::collections::HashMap;
use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::{Gateway, Recorder, Start, analysis, ask, client, later, simulators, within};

const EXECUTE: &str = "/api/v1/gateway/execute";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Takes spans over both transports. Dropping it takes it down.
struct Collector {
    address: std::net::SocketAddr,
    spans: watch::Receiver<Vec<(String, Span)>>,
    server: JoinHandle<()>,
}

type Taken = watch::Sender<Vec<(String, Span)>>;

impl Collector {
    async fn start() -> Self {
        let (taken, spans) = watch::channel(Vec::new());
        let routes = Router::new()
            .route("/v1/traces", post(over_http))
            .route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", post(over_grpc))
            .with_state(taken);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { address, spans, server }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans so far, once they are enough.
    async fn once(&mut self, is_enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let plain =
            |taken: &Vec<(String, Span)>| taken.iter().map(|(_, span)| span.clone()).collect::<Vec<_>>();
        let wait = self.spans.wait_for(|taken| is_enough(&plain(taken)));
        within("spans", wait).await.map(|taken| plain(&taken)).expect("the collector is up")
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn over_http(State(taken): State<Taken>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    take(&taken, &body);
    Response::new(Body::empty())
}

/// One message: a flag, its length, itself; and the status in trailers.
async fn over_grpc(State(taken): State<Taken>, body: Bytes) -> Response {
    take(&taken, &body[5..]);
    let mut status = HeaderMap::new();
    status.insert("grpc-status", "0".parse().expect("a value"));
    let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(status)];
    let frames = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
    let mut answer = Response::new(Body::new(StreamBody::new(frames)));
    answer.headers_mut().insert("content-type", "application/grpc".parse().expect("a value"));
    answer
}

fn take(taken: &Taken, body: &[u8]) {
    let request = ExportTraceServiceRequest::decode(body).expect("protobuf");
    for resource_spans in request.resource_spans {
        let attributes = resource_spans.resource.expect("a resource").attributes;
        let name = attributes.iter().find(|attribute| attribute.key == "service.name").expect("a name");
        let Some(Value::StringValue(name)) = name.value.as_ref().and_then(|value| value.value.clone()) else {
            panic!("{name:?}");
        };
        let spans = resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
        let spans: Vec<_> = spans.map(|span| (name.clone(), span)).collect();
        taken.send_modify(|taken| taken.extend(spans));
    }
}

/// Whether a span of each name is there.
fn has(names: &[&'static str]) -> impl Fn(&[Span]) -> bool {
    let names = names.to_vec();
    move |spans| names.iter().all(|name| spans.iter().any(|span| span.name == *name))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn traced(collector: &Collector, start: Start) -> Start {
    start.set("TRACES__ENDPOINT", collector.url()).set("TRACES__SERVICE_NAME", "under-test")
}

async fn execute(gateway: &Gateway, traceparent: Option<String>) -> (u16, serde_json::Value) {
    let mut request = client().post(gateway.url(EXECUTE)).json(&later(analysis(1)));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    ask(request).await
}

/// The names from this span up to what is no span of the gateway's, and the id of that.
fn way_up<'a>(from: &'a Span, spans: &'a [Span]) -> (Vec<&'a str>, String) {
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
    let (mut names, mut span) = (vec![from.name.as_str()], from);
    while let Some(parent) = by_id.get(span.parent_span_id.as_slice()) {
        names.push(&parent.name);
        span = parent;
    }
    (names, hex(&span.parent_span_id))
}

#[tokio::test]
async fn a_workflow_that_is_done_later_is_one_trace_from_the_clients_header_to_the_call_of_the_dashboard() {
    let folder = tempfile::tempdir().unwrap();
    let (simulators, recorder, mut collector) =
        (simulators(), Recorder::start().await, Collector::start().await);
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators);
    let start = start.set("SERVICES__DASHBOARD__BASE_URL", recorder.url());
    let gateway = traced(&collector, start).run().await;
    assert_eq!(execute(&gateway, Some(format!("00-{TRACE}-{PARENT}-01"))).await.0, 202);
    let update = recorder.updates(1).await.remove(0);
    let spans = collector.once(has(&["execute complete_analysis", "POST /api/v1/gateway/execute"])).await;
    let spans: Vec<Span> = spans.into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let call = spans.iter().find(|span| span.name == "POST dashboard").expect("the call");
    assert_eq!(update.traceparent, Some(format!("00-{TRACE}-{}-01", hex(&call.span_id))));
    let (names, top) = way_up(call, &spans);
    let expected = [
        "POST dashboard",
        "step dashboard.update_metrics",
        "execute complete_analysis",
        "send executions",
        "POST /api/v1/gateway/execute",
    ];
    assert_eq!((names, top.as_str()), (expected.to_vec(), PARENT));
    let execution =
        spans.iter().find(|span| span.name == "execute complete_analysis").expect("the execution");
    assert_eq!(execution.links.len(), 1, "it is linked to what handed it in");
    for name in ["POST regtech", "step regtech.analyze_provider", "send events"] {
        let span = spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(way_up(span, &spans).1, PARENT, "{name}");
    }
    let server = spans.iter().find(|span| span.name == "POST /api/v1/gateway/execute").expect("the request");
    assert_eq!(text(server, "http.route"), Some(EXECUTE));
    assert_eq!(text(server, "http.request.method"), Some("POST"));
    assert_eq!(text(call, "integridai.service"), Some("dashboard"));
    assert!(collector.spans.borrow().iter().all(|(service, _)| service == "under-test"));
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn what_a_caller_does_not_sample_is_not_traced_and_what_it_samples_is_whatever_the_ratio() {
    let folder = tempfile::tempdir().unwrap();
    let (simulators, recorder, mut collector) =
        (simulators(), Recorder::start().await, Collector::start().await);
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators);
    let start = start.set("SERVICES__DASHBOARD__BASE_URL", recorder.url());
    let gateway = traced(&collector, start).set("TRACES__SAMPLE_RATIO", 0).run().await;
    for flags in [None, Some("00"), Some("01")] {
        let traceparent = flags.map(|flags| format!("00-{TRACE}-{PARENT}-{flags}"));
        assert_eq!(execute(&gateway, traceparent).await.0, 202);
    }
    let updates = recorder.updates(3).await;
    let sampled = |update: &&crate::support::Update| {
        update.traceparent.as_deref().is_some_and(|trace| trace.ends_with("-01"))
    };
    assert_eq!(updates.iter().filter(sampled).count(), 1, "{updates:?}");
    collector.once(has(&["execute complete_analysis", "POST /api/v1/gateway/execute"])).await;
    // What is left goes out before the end.
    assert_eq!(gateway.stop().await.code, Some(0));
    let names: Vec<String> = collector.spans.borrow().iter().map(|(_, span)| span.name.clone()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("execute ")).count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("POST /api")).count(), 1, "{names:?}");
}

#[tokio::test]
async fn spans_go_over_grpc_too_and_refusals_are_told_with_their_layer() {
    let folder = tempfile::tempdir().unwrap();
    let mut collector = Collector::start().await;
    let gateway = traced(&collector, Start::new(&folder.path().join("gateway.db")))
        .set("TRACES__PROTOCOL", "grpc")
        .set("AUTH__DISABLED", false)
        .set("AUTH__ISSUERS__TEST__ISSUER", "test")
        .set("AUTH__ISSUERS__TEST__AUDIENCE", "[\"test\"]")
        .set("AUTH__ISSUERS__TEST__SECRET", "a-secret-that-is-long-enough-for-HS256")
        .run()
        .await;
    let (status, problem) = execute(&gateway, Some(format!("00-{TRACE}-{PARENT}-01"))).await;
    assert_eq!((status, problem["trace_id"].as_str()), (401, Some(TRACE)), "{problem}");
    let spans = collector.once(has(&["refuse", "POST /api/v1/gateway/execute"])).await;
    let refusal = spans.iter().find(|span| span.name == "refuse");
    assert_eq!(refusal.and_then(|span| text(span, "integridai.layer")), Some("auth"), "{spans:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_collector_that_is_not_there_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let simulators = simulators();
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators);
    let gateway = start.set("TRACES__ENDPOINT", "http://127.0.0.1:9").run().await;
    for _ in 0..20 {
        assert_eq!(ask(client().post(gateway.url(EXECUTE)).json(&analysis(1))).await.0, 200);
    }
    assert_eq!(gateway.stop().await.code, Some(0));
}
