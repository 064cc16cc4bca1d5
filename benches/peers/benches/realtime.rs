//! 5 000 WebSocket subscribers of the gateway beside those of a plain axum server that sends the same frame from tokio's broadcast channel,
//! and of npm's `ws`: from the request that publishes an event until the last one has it all, and the heap that each takes while it
//! waits. Each server is a process of its own; one client has all sockets.
//!
//! npm's takes part where it is installed: `npm install --no-package-lock --prefix benches/peers/benches/realtime/npm_ws`. `-- SUBSCRIBERS TURNS` has other
//! numbers.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "realtime/client.rs"]
mod client;
#[path = "realtime/gateway.rs"]
mod gateway;
#[path = "realtime/plain.rs"]
mod plain;
#[path = "realtime/process.rs"]
mod process;

use std::alloc::System;

use client::Crowd;
use process::{Process, Served};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::runtime::Builder;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What is told to every subscriber: 256 bytes of data in the frame that the gateway makes of it.
pub(crate) const DATA: usize = 256;

const SERVERS: [&str; 4] = ["gateway", "plain, its buffers small", "npm ws", "plain"];

fn main() {
    let descriptors = process::raise_descriptors();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "serve") {
        return serve(&arguments[at + 1]);
    }
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<usize>().ok());
    let (subscribers, turns) = (numbers.next().unwrap_or(5_000), numbers.next().unwrap_or(25));
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(compare(subscribers, turns, descriptors));
}

fn serve(name: &str) {
    // As many threads for each: the client has the other processor.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    match name {
        "gateway" => runtime.block_on(gateway::serve()),
        "plain" => runtime.block_on(plain::serve(plain::Buffers::Default)),
        _ => runtime.block_on(plain::serve(plain::Buffers::Small)),
    }
}

struct Side {
    name: &'static str,
    process: Process,
    crowd: Crowd,
    heap: Option<f64>,
    times: Vec<f64>,
}

async fn compare(subscribers: usize, turns: usize, descriptors: u64) {
    let mut sides = Vec::new();
    for name in SERVERS {
        // A hundred for all else.
        if (sides.len() as u64 + 1) * subscribers as u64 + 100 > descriptors {
            println!("realtime: {name} is left out, for the client may not have so many files open");
            continue;
        }
        let Some(mut process) = Process::start(name) else {
            println!("realtime: {name} is not installed");
            continue;
        };
        // What one subscriber makes for all is there before the others come.
        let first = Crowd::connect(&process.served, 1).await;
        let before = process.heap();
        let crowd = Crowd::connect(&process.served, subscribers).await;
        let heap = before.zip(process.heap()).map(|(before, after)| (after - before) / subscribers as f64);
        drop(first);
        sides.push(Side { name, process, crowd, heap, times: Vec::new() });
    }
    for _ in 0..turns {
        for side in &mut sides {
            side.times.push(side.crowd.publish(&side.process.served).await.as_secs_f64() * 1e3);
        }
    }
    let small = sides.iter().find(|side| side.name.contains("small")).map(|side| middle(&side.times));
    for side in &sides {
        let time = middle(&side.times);
        let ratio = small.map_or(0.0, |small| time / small);
        let heap = side.heap.map_or("unknown".to_owned(), |heap| format!("{:.2} KiB", heap / 1024.0));
        println!(
            "realtime, {subscribers} subscribers: {:26} the last one after {time:.1} ms ({ratio:.2} of plain with small buffers), {heap} of heap each",
            side.name
        );
    }
}

fn middle(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Where a server is, in one line on its standard output.
pub(crate) fn announce(served: &Served) {
    println!("{} {} {}", served.address, served.subscribe, served.publish);
}
