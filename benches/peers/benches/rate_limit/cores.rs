//! A limiter's check alone, with the name that a caller has: an address, or a text of 36 characters.

use std::hint::{self, black_box};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::limiters::{self, KEYS, Limiter, Name, Supply};
use super::turns::{Case, Contender};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    One,
    RoundRobin,
    Random,
}

#[derive(Clone, Copy)]
struct Workload {
    name: &'static str,
    supply: Supply,
    order: Order,
    threads: usize,
}

const WORKLOADS: [Workload; 6] = [
    Workload { name: "one key, admitted", supply: Supply::Ample, order: Order::One, threads: 1 },
    Workload { name: "one key, refused", supply: Supply::Spent, order: Order::One, threads: 1 },
    Workload { name: "100 000 keys in turn", supply: Supply::Ample, order: Order::RoundRobin, threads: 1 },
    Workload { name: "100 000 keys at random", supply: Supply::Ample, order: Order::Random, threads: 1 },
    Workload { name: "one key, two threads", supply: Supply::Ample, order: Order::One, threads: 2 },
    Workload { name: "100 000 keys, two threads", supply: Supply::Ample, order: Order::Random, threads: 2 },
];

pub(crate) fn cases() -> Vec<Case> {
    let of = |workload| [case::<IpAddr>("address", workload), case::<String>("text", workload)];
    WORKLOADS.into_iter().flat_map(of).collect()
}

fn case<N: Name>(kind: &str, workload: Workload) -> Case {
    Case {
        name: format!("rate limit, {kind}, {}", workload.name),
        rounds: if workload.threads == 1 { 10_000 } else { 50_000 },
        peer: "governor",
        floor: None,
        make: Box::new(move || contenders::<N>(workload)),
    }
}

fn contenders<N: Name>(workload: Workload) -> Vec<Contender> {
    let names = Arc::new(names::<N>(workload.order));
    let supply = workload.supply;
    vec![
        contender("ours", limiters::ours(supply), &names, workload),
        contender("governor", limiters::governor::<N>(supply), &names, workload),
        contender("governor, with state", limiters::governor_with_state::<N>(supply), &names, workload),
        contender("pingora-limits", limiters::pingora(supply), &names, workload),
        contender("limitador", limiters::limitador(supply), &names, workload),
    ]
}

/// In the order in which they come.
fn names<N: Name>(order: Order) -> Vec<N> {
    let mut numbers: Vec<u32> = match order {
        Order::One => vec![7],
        Order::RoundRobin | Order::Random => (0..KEYS).collect(),
    };
    if order == Order::Random {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for last in (1..numbers.len()).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            numbers.swap(last, usize::try_from(state % (last as u64 + 1)).expect("a place"));
        }
    }
    numbers.into_iter().map(N::numbered).collect()
}

fn contender<N: Name>(
    name: &'static str,
    limiter: impl Limiter<N>,
    names: &Arc<Vec<N>>,
    workload: Workload,
) -> Contender {
    let names = Arc::clone(names);
    for name in names.iter() {
        limiter.admits(name);
    }
    let begin = AtomicUsize::new(0);
    let expected = workload.supply == Supply::Ample;
    let run = move |rounds: u64| {
        let begin = begin.fetch_add(usize::try_from(rounds).expect("it fits"), Ordering::Relaxed);
        if workload.threads == 1 {
            let start = Instant::now();
            ask(&limiter, &names, begin, rounds, expected);
            return start.elapsed();
        }
        together(workload.threads, |thread| {
            ask(&limiter, &names, begin + thread * names.len() / 2, rounds, expected);
        })
    };
    Contender { name, run: Box::new(run) }
}

fn ask<N>(limiter: &impl Limiter<N>, names: &[N], begin: usize, rounds: u64, expected: bool) {
    let names = names.iter().cycle().skip(begin % names.len());
    let admitted = names.take(rounds as usize).filter(|name| limiter.admits(black_box(name))).count();
    assert_eq!(admitted as u64, if expected { rounds } else { 0 });
}

/// How long a thread takes, on average. Each takes its own time, from the moment in which all of them run: whoever had to be
/// woken to look at a clock would tell how busy the machine is as well.
fn together(threads: usize, work: impl Fn(usize) + Sync) -> Duration {
    let waiting = AtomicUsize::new(threads);
    let timed = |thread: usize| {
        waiting.fetch_sub(1, Ordering::AcqRel);
        while waiting.load(Ordering::Acquire) > 0 {
            hint::spin_loop();
        }
        let start = Instant::now();
        work(thread);
        start.elapsed()
    };
    let total: Duration = thread::scope(|scope| {
        let timed = &timed;
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || timed(thread))).collect();
        running.into_iter().map(|thread| thread.join().expect("it does not panic")).sum()
    });
    total / u32::try_from(threads).expect("they are few")
}
