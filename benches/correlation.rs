//! What it costs to accept, make and echo the id of a request: the correlation layer beside tower-http's pair of layers
//! that does the same, with the same requests in one run.
//!
//! `-- once CASE SIDE ROUNDS` runs one of them alone, for callgrind.
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::print_stdout, reason = "the ratios are the result")]

mod correlation {
    pub(crate) mod sides;
}

use std::time::{Duration, Instant};

use correlation::sides::{CASES, Case, SIDES, Side};
use criterion::{BatchSize, Criterion, criterion_group};

const SITTINGS: usize = 60;
const ROUNDS: usize = 2_000;

fn groups(criterion: &mut Criterion) {
    for case in CASES {
        let mut group = criterion.benchmark_group(format!("correlation, {}", case.name));
        for side in SIDES {
            group.bench_function(side.name, |bench| {
                let mut serve = (side.service)(case);
                bench.iter_batched(|| case.request(), &mut serve, BatchSize::SmallInput);
            });
        }
        group.finish();
    }
}

/// Medians of sittings that take turns, so that a slow moment of the machine hits all sides alike.
fn ratios() {
    println!("\nns for one exchange, medians of {SITTINGS} interleaved sittings of {ROUNDS}:");
    for case in CASES {
        let mut times = SIDES.map(|_| Vec::with_capacity(SITTINGS));
        for _ in 0..SITTINGS {
            for (side, times) in SIDES.iter().zip(&mut times) {
                times.push(sitting(case, side));
            }
        }
        let [nothing, ours, pair, traced] = times.map(median);
        println!(
            "{}: nothing {nothing:.0}, CorrelationLayer {ours:.0}, tower-http's pair {pair:.0}, ratio {:.2} \
             (without what nothing costs {:.2}); with trace context {traced:.0}",
            case.name,
            ours / pair,
            (ours - nothing) / (pair - nothing),
        );
    }
}

fn sitting(case: &Case, side: &Side) -> Duration {
    let mut serve = (side.service)(case);
    let requests: Vec<_> = (0..ROUNDS).map(|_| case.request()).collect();
    let start = Instant::now();
    requests.into_iter().for_each(&mut *serve);
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e9 / ROUNDS as f64
}

/// One side alone, as often as it is told.
fn once(arguments: &[String]) {
    let [case, side, rounds] = arguments else { panic!("expected: once CASE SIDE ROUNDS") };
    let case = CASES.iter().find(|known| known.name == case.as_str()).expect("a known case");
    let side = SIDES.iter().find(|known| known.name == side.as_str()).expect("a known side");
    let mut serve = (side.service)(case);
    for _ in 0..rounds.parse::<usize>().expect("a number") {
        serve(case.request());
    }
}

criterion_group!(benches, groups);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "once") {
        return once(&arguments[at + 1..]);
    }
    ratios();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
