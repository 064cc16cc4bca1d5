//! What the layers of a resilient client cost over a service that answers at once, beside tower's own of the same purpose.
//! A whole stack of them is measured in `peers/benches/client.rs`.
#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use integridai_tower::client::deadline::DeadlineLayer;
use integridai_tower::client::hedge::HedgeLayer;
use integridai_tower::client::retry::RetryLayer;
use tokio::runtime::{Builder, Runtime};
use tower::hedge::Hedge;
use tower::retry::budget::{Budget, TpsBudget};
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

type Sent = Request<Full<Bytes>>;
type Answer = Response<Full<Bytes>>;

const SECOND: Duration = Duration::from_secs(1);

/// As a typed client makes it: two fields of its own and an id.
fn request() -> Sent {
    let mut request = Request::get("http://service.test/thing").body(Full::from("{}")).expect("a request");
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let id = HeaderValue::from_bytes(b"01936ab0-6a5c-7d6e-8f00-0123456789ab").expect("an id");
    headers.insert(HeaderName::from_static("x-correlation-id"), id);
    request
}

fn ready() -> impl Service<Sent, Response = Answer, Error = io::Error, Future: Send> + Clone {
    service_fn(|request: Sent| std::future::ready(Ok(Response::new(request.into_body()))))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// A service is made once and called again and again, with a request of its own each time.
fn bench<S: Service<Sent>>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, make: impl Fn() -> S) {
    let runtime = runtime();
    group.bench_function(name, |bench| {
        bench.to_async(&runtime).iter_custom(|rounds| {
            let mut service = make();
            async move {
                let start = Instant::now();
                for _ in 0..rounds {
                    let service = service.ready().await.ok().expect("it is always ready");
                    black_box(service.call(request()).await.ok().expect("it always answers"));
                }
                start.elapsed()
            }
        });
    });
}

/// Repeats errors and 5xx on a budget, as ours does.
#[derive(Clone)]
struct OnBudget(Arc<TpsBudget>);

impl<E> tower::retry::Policy<Sent, Answer, E> for OnBudget {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut Sent, result: &mut Result<Answer, E>) -> Option<Self::Future> {
        if result.as_ref().is_ok_and(|response| !response.status().is_server_error()) {
            self.0.deposit();
            return None;
        }
        self.0.withdraw().then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Sent) -> Option<Sent> {
        Some(request.clone())
    }
}

fn towers_retry() -> tower::retry::RetryLayer<OnBudget> {
    tower::retry::RetryLayer::new(OnBudget(Arc::default()))
}

#[derive(Clone)]
struct Always;

impl tower::hedge::Policy<Sent> for Always {
    fn clone_request(&self, request: &Sent) -> Option<Sent> {
        Some(request.clone())
    }

    fn can_retry(&self, _: &Sent) -> bool {
        true
    }
}

fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resilience");
    bench(&mut group, "nothing", ready);
    bench(&mut group, "deadline", || DeadlineLayer::new(SECOND).layer(ready()));
    bench(&mut group, "tower's timeout", || TimeoutLayer::new(SECOND).layer(ready()));
    bench(&mut group, "retry", || RetryLayer::default().layer(ready()));
    bench(&mut group, "tower's retry", || towers_retry().layer(ready()));
    bench(&mut group, "hedge", || HedgeLayer::default().layer(ready()));
    bench(&mut group, "tower's hedge", || Hedge::new(ready(), Always, 20, 0.95, 60 * SECOND));
    group.finish();
}

criterion_group!(benches, layers);
criterion_main!(benches);
