//! What a store takes in which many times its size goes: in a process of its own, which counts every allocation.
//!
//! `CACHE_MEMORY_MIB` says how much goes through it, in MiB: 10240 for the run of ten GiB.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
#![allow(clippy::disallowed_methods, reason = "how long the run is, is for who starts it to say")]
#![allow(clippy::print_stdout, reason = "the figures belong into the benches' tables")]

use std::alloc::System;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use integridai_tower::cache::{CacheLayer, MemoryStore};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const STORE: usize = 64 << 20;
/// What it may take: 1.4 times its bytes.
const MOST: usize = STORE / 10 * 14;
/// Turns over the store, unless more is asked for.
const TURNS: usize = 8;
/// Of answers, one after the other.
const SIZES: [usize; 4] = [1 << 10, 4 << 10, 16 << 10, 64 << 10];

fn heap() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Bytes of this process that are in memory, where the system tells.
fn resident() -> Option<usize> {
    const PAGE: usize = 4 << 10;
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<usize>().ok()? * PAGE)
}

#[test]
fn a_store_takes_little_more_than_its_bytes_however_much_goes_through_it() {
    let bytes =
        std::env::var("CACHE_MEMORY_MIB").map_or(TURNS * STORE, |mib| mib.parse::<usize>().unwrap() << 20);
    let (heap_before, resident_before) = (heap(), resident());
    let mut service = CacheLayer::new(MemoryStore::new(STORE as u64).unwrap()).layer(service_fn(
        async |request: Request<Empty<Bytes>>| {
            let number: usize = request.uri().path()[1..].parse().unwrap();
            let response =
                Response::builder().header("cache-control", "max-age=3600").header("etag", "\"a\"");
            Ok::<_, Infallible>(
                response.body(Full::new(Bytes::from(vec![b'a'; SIZES[number % SIZES.len()]]))).unwrap(),
            )
        },
    ));
    let (mut sent, mut most_heap, mut most_resident) = (0, 0, None);
    for number in 0.. {
        let request = Request::get(format!("/{number}")).header("host", "origin.test");
        let answer = service.call(request.body(Empty::new()).unwrap()).now_or_never().unwrap().unwrap();
        sent += answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes().len();
        if number % 64 == 0 {
            most_heap = most_heap.max(heap().saturating_sub(heap_before));
            most_resident = most_resident
                .max(resident().zip(resident_before).map(|(now, before)| now.saturating_sub(before)));
        }
        if sent >= bytes {
            break;
        }
    }
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!(
        "{:.0} MiB through a store of {:.0}: at most {:.1} MiB of heap and {:.1} MiB resident over the base",
        mib(sent),
        mib(STORE),
        mib(most_heap),
        mib(most_resident.unwrap_or(0))
    );
    assert!(most_heap > STORE / 2, "the store is filled");
    assert!(most_heap <= MOST, "{most_heap} bytes of heap");
    assert!(most_resident.is_none_or(|most| most <= MOST), "{most_resident:?} bytes resident");
}
