//! What the cache costs, in memory: a hit and its parts beside the service alone, a miss, and a revalidation.
#![allow(missing_docs, reason = "criterion's macros")]

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::header::IF_NONE_MATCH;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use integridai_tower::cache::{CacheLayer, MemoryStore};
use tower::{Layer, Service, service_fn};

type Ask = Request<Empty<Bytes>>;

fn ask(target: &str) -> Ask {
    let request = Request::get(target).header("host", "origin.test").header("accept", "*/*");
    request.body(Empty::new()).expect("a valid request")
}

/// A service that answers at once, and confirms whatever it is asked to.
fn origin(
    size: usize,
    control: &'static str,
) -> impl Service<Ask, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send + 'static> + Clone {
    let body = Bytes::from(vec![b'a'; size]);
    service_fn(move |request: Ask| {
        let is_confirmed = request.headers().contains_key(IF_NONE_MATCH);
        let mut response = Response::new(Full::new(if is_confirmed { Bytes::new() } else { body.clone() }));
        *response.status_mut() = if is_confirmed { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let fields = [("cache-control", control), ("etag", "\"a\""), ("content-type", "text/plain")];
        for (name, value) in fields {
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        async move { Ok(response) }
    })
}

/// One exchange, its content read.
fn serve<S, B>(service: &mut S, request: Ask)
where
    S: Service<Ask, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes>,
{
    let response = service.call(request).now_or_never().expect("nothing waits").expect("nothing fails");
    black_box(response.into_body().collect().now_or_never().expect("nothing waits").ok());
}

fn layer() -> CacheLayer {
    CacheLayer::new(MemoryStore::new(64 << 20).expect("enough bytes"))
}

fn hits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cache/hit");
    for size in [1 << 10, 1 << 20] {
        let mut service = layer().layer(origin(size, "max-age=3600"));
        group.bench_function(BenchmarkId::new("layer", size), |bencher| {
            bencher.iter(|| serve(&mut service, ask("/item?page=1")));
        });
        let mut service = origin(size, "max-age=3600");
        group.bench_function(BenchmarkId::new("service", size), |bencher| {
            bencher.iter(|| serve(&mut service, ask("/item?page=1")));
        });
    }
    group.finish();
}

fn others(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cache");
    let number = AtomicU64::new(0);
    let mut service = layer().layer(origin(1 << 10, "max-age=3600"));
    group.bench_function("miss", |bencher| {
        bencher
            .iter(|| serve(&mut service, ask(&format!("/item/{}", number.fetch_add(1, Ordering::Relaxed)))));
    });
    let mut service = layer().layer(origin(1 << 10, "max-age=0"));
    group.bench_function("revalidation", |bencher| bencher.iter(|| serve(&mut service, ask("/item"))));
    let mut service = layer().layer(origin(1 << 10, "no-store"));
    group.bench_function("not stored", |bencher| bencher.iter(|| serve(&mut service, ask("/item"))));
    group.finish();
}

fn quick() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = quick(); targets = hits, others }
criterion_main!(benches);
