//! One of three replicas is ten times slower: what the slowest one in a hundred waits, in paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;

const CALLS: usize = 6000;
/// Calls that a replica does at once; the others wait inside of it.
const WORKERS: usize = 16;
const FAST: Duration = Duration::from_millis(10);
const SLOW: Duration = Duration::from_millis(100);

/// xorshift64*: the same arrivals and times for each way to choose.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Half to one and a half of the mean.
    fn around(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(0.5 + self.share())
    }

    /// Of a Poisson process.
    fn pause(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.share()).ln())
    }
}

type Simulated = tower::util::BoxCloneService<Request<Duration>, Response<()>, Infallible>;

/// The request says what it would take on a fast replica.
fn replica(slowness: u32) -> Simulated {
    let workers = Arc::new(Semaphore::new(WORKERS));
    tower::util::BoxCloneService::new(service_fn(move |request: Request<Duration>| {
        let workers = Arc::clone(&workers);
        async move {
            let _worker = workers.acquire().await.unwrap();
            tokio::time::sleep(*request.body() * slowness).await;
            Ok(Response::new(()))
        }
    }))
}

fn replicas() -> Vec<Simulated> {
    let slowness = u32::try_from(SLOW.as_millis() / FAST.as_millis()).unwrap();
    vec![replica(1), replica(1), replica(slowness)]
}

fn by_turns() -> Simulated {
    let (replicas, turn) = (replicas(), AtomicUsize::new(0));
    let turn = Arc::new(turn);
    tower::util::BoxCloneService::new(service_fn(move |request| {
        let next = turn.fetch_add(1, Ordering::SeqCst) % replicas.len();
        replicas[next].clone().oneshot(request)
    }))
}

fn balanced(load: Load) -> Simulated {
    let replicas = std::sync::Mutex::new(replicas());
    let make = move |_: &usize| replicas.lock().unwrap().remove(0);
    let balancer = BalanceOptions::new().load(load).seed(7).build("tail", 0..3, make).unwrap();
    tower::util::BoxCloneService::new(service_fn(move |request| balancer.service().oneshot(request)))
}

/// The middle one and the slowest one of a hundred, in milliseconds.
async fn measure(service: Simulated) -> (f64, f64) {
    let mut dice = Dice(42);
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        tokio::time::sleep(dice.pause(Duration::from_micros(2500))).await;
        let (service, took) = (service.clone(), dice.around(FAST));
        calls.spawn(async move {
            let began = Instant::now();
            service.oneshot(Request::new(took)).await.unwrap();
            began.elapsed()
        });
    }
    let mut times: Vec<f64> = calls.join_all().await.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    (times[CALLS / 2], times[CALLS * 99 / 100])
}

#[tokio::test(start_paused = true)]
#[allow(clippy::print_stdout, reason = "the figures are what it is for")]
async fn a_slow_replica_does_not_make_the_tail_where_the_better_of_two_is_chosen() {
    let turns = measure(by_turns()).await;
    let pending = measure(balanced(Load::PendingRequests)).await;
    let ewma = measure(balanced(Load::PeakEwma)).await;
    println!("one of three replicas ten times slower, 400 calls/s: p50, p99 in ms");
    for (name, (middle, tail)) in
        [("round robin", turns), ("P2C, pending requests", pending), ("P2C, peak EWMA", ewma)]
    {
        println!("{name}: {middle:.1}, {tail:.1} ({:.2} of round robin)", tail / turns.1);
    }
    assert!(ewma.1 <= 0.3 * turns.1, "{ewma:?} {turns:?}");
    assert!(pending.1 <= turns.1, "{pending:?} {turns:?}");
}
