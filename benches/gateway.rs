//! What the gateway adds: cached metrics and a whole workflow through it, beside the workflow's two calls made
//! directly with the same client. Everything over loopback, services without latency, in one process; the services,
//! the gateway and the client each have a runtime of their own.
//!
//! The last line compares medians that were taken in turn, so that a busy machine weighs on all of them alike.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "gateway/added.rs"]
mod added;
#[path = "gateway/caller.rs"]
mod caller;
#[path = "gateway/rig.rs"]
mod rig;

use criterion::Criterion;

use added::Added;
use rig::Rig;

fn direct(criterion: &mut Criterion, rig: &Rig) {
    let mut group = criterion.benchmark_group("direct");
    group.bench_function("regtech", |bench| bench.to_async(&rig.runtime).iter(|| rig.usual.regtech()));
    let analysis = rig.runtime.block_on(rig.usual.regtech());
    group.bench_function("dashboard", |bench| {
        bench.to_async(&rig.runtime).iter(|| rig.usual.dashboard(&analysis));
    });
    group.bench_function("regtech then dashboard", |bench| {
        bench.to_async(&rig.runtime).iter(async || {
            let analysis = rig.usual.regtech().await;
            rig.usual.dashboard(&analysis).await
        });
    });
    group.finish();
}

fn gateway(criterion: &mut Criterion, rig: &Rig) {
    let mut group = criterion.benchmark_group("gateway");
    group.bench_function("consolidated, cached", |bench| {
        bench.to_async(&rig.runtime).iter(|| rig.usual.consolidated());
    });
    group.bench_function("complete_analysis", |bench| {
        bench.to_async(&rig.runtime).iter(|| rig.usual.complete_analysis());
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let is_trial = std::env::args().any(|argument| argument == "--test");
    let (sittings, rounds) = if is_trial { (3, 8) } else { (25, 400) };
    let rig = Rig::start();
    direct(&mut criterion, &rig);
    gateway(&mut criterion, &rig);
    criterion.final_summary();
    println!("with the usual client, reqwest:\n{}", Added::measure(|| rig.usual_caller(), sittings, rounds));
    println!("with the leanest client, hyper:\n{}", Added::measure(|| rig.lean_caller(), sittings, rounds));
    rig.stop();
}
