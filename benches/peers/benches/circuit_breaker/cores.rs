//! A call through the circuit alone: admitted, done, counted as a success.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use failsafe::CircuitBreaker as _;
use integridai_tower::circuit_breaker::{Circuit, CircuitOptions, Lookback, Outcome};
use recloser::Recloser;

use super::turns::{Case, Contender};

/// Of calls or of seconds.
pub(crate) const WINDOW: u32 = 100;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, rounds, make: Box<dyn Fn() -> Vec<Contender>>| Case {
        name: format!("circuit breaker, {name}"),
        rounds,
        peer: "recloser",
        floor: None,
        make,
    };
    vec![
        case("core, one thread", 10_000, Box::new(|| contenders(1))),
        case("core, two threads", 50_000, Box::new(|| contenders(2))),
        Case { peer: "after 0 records", ..case("core, time window", 10_000, Box::new(after_records)) },
    ]
}

pub(crate) fn by_calls() -> Circuit {
    circuit(Lookback::Calls(WINDOW))
}

pub(crate) fn by_time() -> Circuit {
    circuit(Lookback::Time(Duration::from_secs(WINDOW.into())))
}

fn circuit(lookback: Lookback) -> Circuit {
    CircuitOptions::new().lookback(lookback).failure_rate(0.5).build("bench").expect("it can work")
}

fn contenders(threads: u64) -> Vec<Contender> {
    let (calls, time) = (by_calls(), by_time());
    let recloser = Arc::new(Recloser::custom().closed_len(WINDOW as usize).error_rate(0.5).build());
    let failsafe = failsafe::Config::new().build();
    vec![
        contender("ours, of calls", threads, move || through(&calls)),
        contender("ours, of time", threads, move || through(&time)),
        contender("recloser", threads, move || recloser.call(|| black_box(Ok::<_, ()>(1))).is_ok()),
        contender("failsafe", threads, move || failsafe.call(|| black_box(Ok::<_, ()>(1))).is_ok()),
    ]
}

/// What a call costs must not depend on how many there were.
fn after_records() -> Vec<Contender> {
    let after = |name, records: u32| {
        let circuit = by_time();
        (0..records).for_each(|_| assert!(through(&circuit)));
        contender(name, 1, move || through(&circuit))
    };
    vec![
        after("after 0 records", 0),
        after("after 50 000 records", 50_000),
        after("after 1 000 000 records", 1_000_000),
    ]
}

fn through(circuit: &Circuit) -> bool {
    circuit.admit().map(|permit| permit.end(black_box(Outcome::Success))).is_ok()
}

fn contender(
    name: &'static str,
    threads: u64,
    call: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> Contender {
    let run = move |rounds: u64| {
        if threads == 1 {
            let start = Instant::now();
            (0..rounds).for_each(|_| assert!(call()));
            return start.elapsed();
        }
        let barrier = Barrier::new(usize::try_from(threads).expect("a few"));
        let times = thread::scope(|scope| {
            let work = || {
                barrier.wait();
                let start = Instant::now();
                (0..rounds).for_each(|_| assert!(call()));
                start.elapsed()
            };
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().expect("it does not panic")).collect::<Vec<_>>()
        });
        times.into_iter().max().unwrap_or(Duration::ZERO)
    };
    Contender { name, run: Box::new(run) }
}
