//! Contenders take turns, so that a slow moment of the machine meets all of them.

use std::ops::RangeFrom;
use std::time::{Duration, Instant};

use criterion::Criterion;

pub(crate) type Contender<'a> = (&'static str, Box<dyn Fn() + 'a>);

const ROUNDS: usize = 201;
const CALLS: u32 = 50;

/// A group in criterion, and then what each costs beside the cheapest of `reference`.
pub(crate) fn compare(
    criterion: &mut Criterion,
    group: &str,
    contenders: &[Contender<'_>],
    reference_name: &str,
    reference: RangeFrom<usize>,
) {
    let mut benches = criterion.benchmark_group(group);
    for (name, call) in contenders {
        benches.bench_function(*name, |bencher| bencher.iter(call));
    }
    benches.finish();
    let medians = medians(contenders);
    let least = medians[reference].iter().copied().min().expect("there is one");
    for ((name, _), median) in contenders.iter().zip(medians) {
        let ratio = median.as_secs_f64() / least.as_secs_f64();
        println!("{group}: {name:32} {:8.3} µs = {ratio:.3} x {reference_name}", median.as_secs_f64() * 1e6);
    }
}

fn medians(contenders: &[Contender<'_>]) -> Vec<Duration> {
    let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, call), times) in contenders.iter().zip(&mut times) {
            let begin = Instant::now();
            (0..CALLS).for_each(|_| call());
            times.push(begin.elapsed() / CALLS);
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_unstable();
            times[ROUNDS / 2]
        })
        .collect()
}
