//! One of three replicas is ten times slower: how long the slowest calls take (*The Tail at Scale*, Dean and Barroso, 2013).

use std::sync::atomic::{AtomicU64, Ordering};

use integridai_tower::client::balance::BalanceOptions;
use integridai_tower::client::hedge::HedgeLayer;
use tower::{Layer, ServiceExt};

use super::*;

const CALLS: u64 = 10_000;
/// Of which nothing is counted: times and delays are learnt first.
const WARM_UP: u64 = 1000;

/// Pseudorandom, the same in each run: splitmix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Takes 5 to 15 ms, the first replica ten times as long; counts what the replicas see.
fn replica(
    seen: &Arc<AtomicU64>,
    number: usize,
) -> impl Service<Sent, Response = Answer, Error = Failure, Future: Send> + Clone + use<> {
    let (seen, factor) = (Arc::clone(seen), if number == 0 { 10 } else { 1 });
    service_fn(move |_: Sent| {
        let luck = mixed(seen.fetch_add(1, Ordering::Relaxed)) % 10_000;
        async move {
            tokio::time::sleep(Duration::from_micros((5_000 + luck) * factor)).await;
            Ok::<_, Failure>(answer(200, ""))
        }
    })
}

/// The times of 400 calls a second, in order of length.
async fn times<S>(service: impl Fn(u64) -> S) -> Vec<Duration>
where
    S: Service<Sent, Response = Answer, Error = Failure, Future: Send> + Send + 'static,
{
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..WARM_UP + CALLS {
        let service = service(number);
        tasks.spawn(async move {
            let start = Instant::now();
            service.oneshot(asking(Method::GET)).await.unwrap();
            (number >= WARM_UP).then(|| start.elapsed())
        });
        tokio::time::sleep(Duration::from_micros(2500)).await;
    }
    let mut times: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    times.sort_unstable();
    times
}

fn p99(times: &[Duration]) -> f64 {
    times[times.len() * 99 / 100].as_secs_f64() * 1000.0
}

#[tokio::test(start_paused = true)]
#[allow(clippy::print_stdout, reason = "the figures are what the parts are for")]
async fn one_slow_replica_of_three_does_not_make_the_service_slow() {
    let seen = || Arc::new(AtomicU64::new(0));
    let in_turn_seen = seen();
    let replicas: Vec<_> = (0..3).map(|number| replica(&in_turn_seen, number)).collect();
    let in_turn = times(|number| replicas[number as usize % 3].clone()).await;

    let balanced_seen = seen();
    let balanced = |seen: Arc<AtomicU64>| {
        let options = BalanceOptions::new().seed(7);
        options.build("replicas", 0..3, move |number| replica(&seen, *number)).unwrap()
    };
    let balancer = balanced(Arc::clone(&balanced_seen));
    let alone = times(|_| balancer.service()).await;

    let hedged_seen = seen();
    let (balancer, hedge) = (balanced(Arc::clone(&hedged_seen)), HedgeLayer::default());
    let service = hedge.layer(balancer.service());
    let both = times(|_| service.clone()).await;

    let extra = hedged_seen.load(Ordering::Relaxed) as f64 / (CALLS + WARM_UP) as f64 - 1.0;
    let [turn, p2c, hedging] = [&in_turn, &alone, &both].map(|times| p99(times));
    println!("p99: round robin {turn:.1} ms, P2C {p2c:.1} ms, P2C and hedging {hedging:.1} ms");
    println!("{:.2} of round robin, with {:.1} % more calls", hedging / turn, extra * 100.0);
    assert!(hedging <= 0.3 * turn);
    assert!((0.0..=0.05).contains(&extra), "{extra}");
}
