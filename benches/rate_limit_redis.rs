//! What a decision over all replicas costs: a round trip to Redis for each request, beside leases, of one key and one quota
//! of which there is always something left. It starts a Redis of its own.
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::print_stdout, reason = "the ratios are the result")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use integridai_tower::rate_limit::redis::{LeasedLimiter, RedisLimiter, RedisLimiterOptions};
use integridai_tower::rate_limit::{Admit, Ask, Attempt, Key, Quota};
use support::redis::Redis;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const SITTINGS: usize = 15;

/// Requests at once, and how many of them there are in a sitting of each side.
const CASES: [(&str, usize, [u64; 2]); 2] =
    [("one after the other", 1, [1_000, 200_000]), ("64 at once", 64, [6_400, 640_000])];

struct Sides {
    each: RedisLimiter,
    leased: LeasedLimiter,
    runtime: Runtime,
    _redis: Redis,
}

impl Sides {
    fn start() -> Self {
        let redis = Redis::start();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let limiter = |name| {
            let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(5));
            options.build(&redis.url(), name, [Quota::per_second(100_000_000)]).expect("a limiter")
        };
        let (leased, returns) = LeasedLimiter::new(limiter("leased")).expect("a limiter of leases");
        runtime.spawn(returns.run());
        Self { each: limiter("each"), leased, runtime, _redis: redis }
    }

    /// How long so many requests take, so many of them at once.
    fn sit(&self, limiter: &(impl Admit + Clone + 'static), at_once: usize, requests: u64) -> Duration {
        let start = Instant::now();
        self.runtime.block_on(async {
            let mut asking = JoinSet::new();
            for _ in 0..at_once {
                asking.spawn(ask(limiter.clone(), requests / at_once as u64));
            }
            while let Some(asked) = asking.join_next().await {
                asked.expect("each request is admitted");
            }
        });
        start.elapsed()
    }
}

async fn ask(limiter: impl Admit, requests: u64) {
    let key = Key::from("everybody");
    for _ in 0..requests {
        let verdict = match limiter.admit(&Ask::once(&key)) {
            Attempt::Decided(verdict) => verdict,
            Attempt::Waiting(verdict) => verdict.await,
        };
        assert!(verdict.is_admitted() && !verdict.is_without_store(), "{verdict:?}");
    }
}

/// Medians of sittings that take turns, so that a slow moment of the machine hits both sides alike.
fn ratios() {
    let sides = Sides::start();
    println!("\nns for one request, medians of {SITTINGS} interleaved sittings (and the ratio's extremes):");
    for (case, at_once, requests) in CASES {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..=SITTINGS {
            let took = [
                sides.sit(&sides.each, at_once, requests[0]),
                sides.sit(&sides.leased, at_once, requests[1]),
            ];
            for ((times, took), requests) in times.iter_mut().zip(took).zip(requests) {
                times.push(took.as_secs_f64() * 1e9 / requests as f64);
            }
        }
        // The first one connects.
        let ratios = sorted(times[0].iter().zip(&times[1]).skip(1).map(|(each, leased)| each / leased));
        let [each, leased] = times.map(|times| sorted(times.into_iter().skip(1))[SITTINGS / 2]);
        println!(
            "{case}: a round trip each {each:.0}, leased {leased:.0}: {:.0} times the throughput ({:.0} to {:.0})",
            each / leased,
            ratios[0],
            ratios[SITTINGS - 1]
        );
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn groups(criterion: &mut Criterion) {
    let sides = Sides::start();
    for (case, at_once, _) in CASES {
        let mut group = criterion.benchmark_group(format!("rate limit over replicas, {case}"));
        let whole = |rounds: u64| rounds.next_multiple_of(at_once as u64);
        group.bench_function("a round trip each", |bench| {
            bench.iter_custom(|rounds| sides.sit(&sides.each, at_once, whole(rounds)));
        });
        group.bench_function("leased", |bench| {
            bench.iter_custom(|rounds| sides.sit(&sides.leased, at_once, whole(rounds)));
        });
        group.finish();
    }
}

criterion_group!(benches, groups);

fn main() {
    ratios();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
