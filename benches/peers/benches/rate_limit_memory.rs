//! What a key costs in memory, beside the peers of the bench `rate_limit`: the heap that a limiter and 100 000 keys take, in
//! a process that counts every allocation. Then five million keys through a limiter of ours that keeps 100 000.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[allow(dead_code, reason = "the other bench uses the rest")]
#[path = "rate_limit/limiters.rs"]
mod limiters;

use std::alloc::System;
use std::net::IpAddr;

use integridai_tower::rate_limit::{Key, MemoryLimiterOptions, Quota};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use limiters::{KEYS, Limiter, Name, Supply};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn heap() -> i64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

fn measure<N: Name, L: Limiter<N>>(kind: &str, name: &str, make: impl FnOnce() -> L) {
    let before = heap();
    let limiter = make();
    for number in 0..KEYS {
        let _ = limiter.admits(&N::numbered(number));
    }
    let bytes = heap() - before;
    println!("{kind}: {name:16} {:8.1} bytes per key", bytes as f64 / f64::from(KEYS));
}

/// One an hour, so that no key is back to its full quota meanwhile.
fn all<N: Name>(kind: &str) {
    let supply = Supply::Spent;
    measure::<N, _>(kind, "ours", || limiters::ours(supply));
    measure::<N, _>(kind, "governor", || limiters::governor::<N>(supply));
    measure::<N, _>(kind, "pingora-limits", || limiters::pingora(supply));
    measure::<N, _>(kind, "limitador", || limiters::limitador(supply));
}

fn flood() {
    let limiter = MemoryLimiterOptions::new().max_keys(100_000).build([Quota::per_day(2)]);
    let limiter = limiter.expect("it can work");
    let limited = Key::from("limited");
    assert!((0..2).all(|_| limiter.check(&limited).is_admitted()));
    let before = heap();
    for number in 1..=5_000_000 {
        let _ = limiter.check(&Key::from(IpAddr::numbered(number)));
        if number % 1_000_000 == 0 {
            assert!(!limiter.check(&limited).is_admitted());
            println!(
                "heap after {number} further keys: {} bytes more; {:?}",
                heap() - before,
                limiter.status()
            );
        }
    }
}

fn main() {
    all::<IpAddr>("address");
    all::<String>("text");
    flood();
}
