//! How often a hit allocates on the thread that asks.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
#![allow(clippy::print_stdout, reason = "the counts belong into the benches' tables")]

use std::convert::Infallible;

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use integridai_tower::cache::redis::RedisStoreOptions;
use integridai_tower::cache::{CacheLayer, CacheOutcome, MemoryStore};
use tower::{Layer, Service, service_fn};

const MOST: u64 = 4;
const ROUNDS: u64 = 100;

fn request() -> Request<Empty<Bytes>> {
    let request = Request::get("/a/path?with=query").header("host", "origin.test").header("accept", "*/*");
    request.header("accept-encoding", "gzip, br").body(Empty::new()).unwrap()
}

/// Allocations of a hit on a body of this size, those of making the request left out, and bytes that it allocates.
fn of_a_hit(size: usize, layer: &CacheLayer) -> (u64, u64) {
    let mut service = layer.layer(service_fn(move |_: Request<Empty<Bytes>>| async move {
        let response = Response::builder().header("cache-control", "max-age=3600").header("etag", "\"a\"");
        let response = response.header("content-type", "text/plain").header("vary", "accept-encoding");
        Ok::<_, Infallible>(response.body(Full::new(Bytes::from(vec![b'a'; size]))).unwrap())
    }));
    let mut ask = move |request| {
        let response = service.call(request).now_or_never().unwrap().unwrap();
        let outcome = CacheOutcome::of(response.extensions());
        (outcome, response.into_body().collect().now_or_never().unwrap().unwrap())
    };
    (0..10).for_each(|_| drop(ask(request())));
    let requests: Vec<_> = (0..ROUNDS).map(|_| request()).collect();
    let body = Full::new(Bytes::from_static(b"a"));
    let collecting = measure(|| drop(body.collect().now_or_never())).count_total;
    let hits = measure(|| {
        for request in requests {
            let (outcome, _body) = ask(request);
            assert_eq!(outcome, Some(CacheOutcome::Hit));
        }
    });
    (hits.count_total.div_ceil(ROUNDS) - collecting, hits.bytes_total / ROUNDS)
}

fn memory() -> MemoryStore {
    MemoryStore::new(64 << 20).unwrap()
}

/// Without the work beside it: what is in memory has the most to be looked at then.
fn shared() -> CacheLayer {
    let (store, _) = RedisStoreOptions::new().build("redis://127.0.0.1:1", "hit", memory()).unwrap();
    CacheLayer::new(store)
}

#[test]
fn a_hit_allocates_the_same_whatever_the_size_of_its_content_and_the_store() {
    let (small, bytes) = of_a_hit(1 << 10, &CacheLayer::new(memory()));
    let (large, more_bytes) = of_a_hit(1 << 20, &CacheLayer::new(memory()));
    assert_eq!(of_a_hit(1 << 10, &shared()), (small, bytes));
    println!(
        "a hit allocates {small} times and {bytes} bytes; with 1 MiB {large} times and {more_bytes} bytes"
    );
    assert!(small <= MOST && large <= MOST, "{small} and {large}");
    assert!(more_bytes < bytes + 64, "{bytes} and {more_bytes}");
}
