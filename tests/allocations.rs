//! How often the library allocates, beside the same done by tower-http: in a process of its own, where nobody else does.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
#![allow(clippy::print_stdout, reason = "the counts belong into the benches' tables")]

#[path = "../benches/correlation/sides.rs"]
mod sides;

use std::alloc::System;

use sides::{CASES, Case, SIDES};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations of one exchange, those of making the request and the answer left out.
fn allocations(case: &Case, side: &str) -> usize {
    let side = SIDES.iter().find(|known| known.name == side).unwrap();
    let mut serve = (side.service)(case);
    // What is set up once, such as the thread's random numbers, is no cost of an exchange.
    serve(case.request());
    let requests: Vec<_> = (0..100).map(|_| case.request()).collect();
    let region = Region::new(ALLOCATOR);
    requests.into_iter().for_each(&mut *serve);
    let change = region.change();
    (change.allocations + change.reallocations) / 100
}

#[test]
fn the_correlation_layer_allocates_less_than_the_pair_of_tower_http() {
    for case in CASES {
        let [nothing, ours, pair] = ["nothing", "ours", "pair"].map(|side| allocations(case, side));
        println!("{}: CorrelationLayer {}, tower-http's pair {}", case.name, ours - nothing, pair - nothing);
        assert!(ours < pair, "{}: {ours} and {pair}", case.name);
    }
}
