//! A service that fails for a minute, under a steady load: what it sees of it with and without each part.

use std::sync::atomic::{AtomicU64, Ordering};

use integridai_tower::Clock;
use integridai_tower::circuit_breaker::{CircuitBreakerLayer, CircuitOptions};
use integridai_tower::client::AttemptBudget;
use integridai_tower::client::deadline::DeadlineLayer;
use integridai_tower::client::limit::{ConcurrencyLimitLayer, LimitOptions};
use integridai_tower::client::retry::RetryOptions;
use tower::{ServiceBuilder, ServiceExt};

use super::*;

/// Requests a second.
const LOAD: u64 = 500;
/// Seconds until it fails, for which it fails, and for which it is well again.
const PHASES: [u64; 3] = [10, 60, 15];

/// What the service saw, second by second, and how many requests were answered well.
struct Seen {
    calls: Vec<u64>,
    answered: Vec<u64>,
}

impl Seen {
    /// How many times the offered load it saw while it failed, in all.
    fn factor(&self) -> f64 {
        let failing = PHASES[0] as usize..(PHASES[0] + PHASES[1]) as usize;
        self.calls[failing].iter().sum::<u64>() as f64 / (LOAD * PHASES[1]) as f64
    }

    /// The worst second of it.
    fn worst(&self) -> f64 {
        *self.calls.iter().max().unwrap() as f64 / LOAD as f64
    }

    /// Seconds from its recovery until nearly everybody is answered again.
    fn recovery(&self) -> usize {
        let well = (PHASES[0] + PHASES[1]) as usize;
        self.answered[well..].iter().position(|answered| *answered >= LOAD * 99 / 100).unwrap()
    }
}

async fn simulate(budget: AttemptBudget, circuit: CircuitOptions, limit: LimitOptions) -> Seen {
    let start = Instant::now();
    let seconds = PHASES.iter().sum::<u64>() as usize + 5;
    let counters = || Arc::new((0..seconds).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
    let (calls, answered) = (counters(), counters());
    let second = move || (start.elapsed().as_secs() as usize).min(seconds - 1);
    let count = Arc::clone(&calls);
    let upstream = service_fn(move |_: Sent| {
        count[second()].fetch_add(1, Ordering::Relaxed);
        let fails = (PHASES[0]..PHASES[0] + PHASES[1]).contains(&start.elapsed().as_secs());
        async move {
            tokio::time::sleep(milliseconds(20)).await;
            Ok::<_, Failure>(answer(if fails { 503 } else { 200 }, ""))
        }
    });
    let circuit = circuit.clock(Clock::tokio()).build("upstream").unwrap();
    let limit = limit.build("upstream").unwrap();
    let client = ServiceBuilder::new()
        .layer(DeadlineLayer::new(SECOND * 2).without_fields())
        .layer(RetryOptions::new().budget(budget).build().unwrap())
        .layer(CircuitBreakerLayer::new(circuit))
        .layer(DeadlineLayer::new(SECOND))
        .layer(ConcurrencyLimitLayer::new(limit))
        .service(upstream);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..PHASES.iter().sum::<u64>() * LOAD {
        let (client, answered) = (client.clone(), Arc::clone(&answered));
        tasks.spawn(async move {
            let at = second();
            if client.oneshot(asking(Method::GET)).await.is_ok_and(|response| response.status() == 200) {
                answered[at].fetch_add(1, Ordering::Relaxed);
            }
        });
        tokio::time::sleep(milliseconds(1000 / LOAD)).await;
        while tasks.try_join_next().is_some() {}
    }
    tasks.join_all().await;
    let read =
        |counters: &Arc<Vec<AtomicU64>>| counters.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    Seen { calls: read(&calls), answered: read(&answered) }
}

#[tokio::test(start_paused = true)]
#[allow(clippy::print_stdout, reason = "the figures are what the parts are for")]
async fn a_service_that_fails_sees_little_more_than_the_load_it_is_offered() {
    let endless = || AttemptBudget::new(1.0, 1_000_000, SECOND * 10).unwrap();
    let never = || CircuitOptions::new().no_failure_rate();
    let breaker =
        || CircuitOptions::new().consecutive_failures(5).open_for(SECOND * 5).open_for_at_most(SECOND * 5);
    let unlimited = || LimitOptions::fixed(100_000);
    let budget = AttemptBudget::for_retries;
    let mut seen = Vec::new();
    for (name, budget, circuit, limit) in [
        ("retries alone", endless(), never(), unlimited()),
        ("with a budget", budget(), never(), unlimited()),
        ("with a circuit breaker", endless(), breaker(), unlimited()),
        ("with a concurrency limit", endless(), never(), LimitOptions::adaptive()),
        ("all but the budget", endless(), breaker(), LimitOptions::adaptive()),
        ("all but the breaker", budget(), never(), LimitOptions::adaptive()),
        ("all but the limit", budget(), breaker(), unlimited()),
        ("all, limit from 1", budget(), breaker(), LimitOptions::adaptive()),
        ("all, limit from 20", budget(), breaker(), LimitOptions::adaptive().min(20)),
    ] {
        let run = simulate(budget, circuit, limit).await;
        let (factor, worst, recovery) = (run.factor(), run.worst(), run.recovery());
        println!(
            "{name:<24} {factor:.2} x the load, worst second {worst:.2} x, well again after {recovery} s"
        );
        seen.push(run);
    }
    assert!(seen[0].factor() > 2.9, "retries alone are a storm");
    assert!(seen[1].worst() <= 1.2, "a budget alone holds in every second");
    assert!(seen[2].factor() < 0.2, "a circuit that is open spares the service");
    assert!(seen[7].worst() <= 1.2 && seen[7].factor() <= 0.2);
    assert!(seen[8].worst() <= 1.2 && seen[8].factor() <= 0.2);
    // The breaker's pause of five seconds, up to a tenth more by chance, in whole seconds.
    for all in &seen[7..] {
        assert!(all.recovery() <= 6, "{}", all.recovery());
    }
}
