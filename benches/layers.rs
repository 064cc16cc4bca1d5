//! What the library's parts cost by themselves, in memory: a typed call beside the same done by hand, and the observe
//! layer beside tower-http's trace layer and nothing.
#![allow(missing_docs, reason = "criterion's macros")]

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use integridai_tower::client::{Endpoint, Malformed, ServiceClient};
use integridai_tower::observe::{Exchange, ObserveLayer};
use integridai_tower::{BoxError, Deadline};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_http::trace::TraceLayer;

const ANSWER: &[u8] = br#"{"id":"an-1","score":85.5,"level":"low","notes":["one","two","three"]}"#;

#[derive(Serialize)]
struct Question {
    name: &'static str,
    number: u32,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "what is decoded is thrown away")]
struct Answer {
    id: String,
    score: f64,
    level: String,
    notes: Vec<String>,
}

const QUESTION: Question = Question { name: "Acme SA", number: 7 };

struct Ask;

impl Endpoint for Ask {
    type Output = Answer;
    const NAME: &'static str = "ask";

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Cow<'_, str> {
        "/ask".into()
    }

    fn body(&self) -> Result<Option<Bytes>, BoxError> {
        Ok(Some(serde_json::to_vec(&QUESTION)?.into()))
    }

    fn decode(&self, body: Bytes) -> Result<Answer, Malformed> {
        serde_json::from_slice(&body).map_err(Malformed::new)
    }
}

fn respond<B>(_: Request<B>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Full::new(Bytes::from_static(ANSWER)))))
}

async fn by_hand() -> Answer {
    let body = Bytes::from(serde_json::to_vec(&QUESTION).expect("it has a JSON form"));
    let mut request = Request::post("http://service.test/ask").body(Full::new(body)).expect("a request");
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let response = service_fn(respond).oneshot(request).await.expect("it always answers");
    let body = response.into_body().collect().await.expect("it is in memory").to_bytes();
    serde_json::from_slice(&body).expect("it is an answer")
}

async fn exchange<S, B>(mut service: S)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes>,
{
    let request = Request::post("/ask").body(Full::from("{}")).expect("a request");
    let response = service.ready().await.expect("always ready").call(request).await;
    let body = response.expect("it always answers").into_body().collect().await;
    black_box(body.ok().expect("it is in memory").to_bytes());
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn client(criterion: &mut Criterion) {
    let (runtime, mut group) = (runtime(), criterion.benchmark_group("client"));
    group.bench_function("by hand", |bench| bench.to_async(&runtime).iter(by_hand));
    let client = ServiceClient::new("service", "http://service.test", service_fn(respond));
    let client = client.expect("the URL is right");
    group.bench_function("ServiceClient", |bench| {
        bench.to_async(&runtime).iter(async || client.call(Ask).send().await.expect("it always answers"));
    });
    group.bench_function("ServiceClient, deadline and key", |bench| {
        bench.to_async(&runtime).iter(async || {
            let deadline = Deadline::after(Duration::from_secs(5));
            let call = client.call(Ask).deadline(deadline).idempotency_key("019364e2:regtech");
            call.send().await.expect("it always answers")
        });
    });
    group.finish();
}

fn observe(criterion: &mut Criterion) {
    let (runtime, mut group) = (runtime(), criterion.benchmark_group("observe"));
    group.bench_function("nothing", |bench| {
        bench.to_async(&runtime).iter(|| exchange(service_fn(respond)));
    });
    let layer = ObserveLayer::new(|exchange: &Exchange| {
        black_box(exchange);
    });
    group.bench_function("ObserveLayer", |bench| {
        bench.to_async(&runtime).iter(|| exchange(layer.layer(service_fn(respond))));
    });
    // Without a subscriber: what the layer itself costs.
    let layer = TraceLayer::new_for_http();
    group.bench_function("tower-http's TraceLayer", |bench| {
        bench.to_async(&runtime).iter(|| exchange(layer.clone().layer(service_fn(respond))));
    });
    group.finish();
}

criterion_group!(benches, client, observe);
criterion_main!(benches);
