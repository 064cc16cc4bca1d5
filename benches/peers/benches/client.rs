//! What the whole stack of a resilient client costs over a service that answers at once, beside tower's timeout, retry and
//! concurrency limit. First the ratios, each of medians of rounds in which all take turns; then criterion's groups.
//!
//! Requests are of the same size when they reach the service, but for what only our stack tells it: which attempt it is, and the
//! time left. The time that it takes to make a request is part of all of them, and `nothing`.
//!
//! `-- once CASE CONTENDER ROUNDS` runs one of them alone, for callgrind; `-- ratios client` prints the ratios alone.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "client/stacks.rs"]
mod stacks;
#[path = "rate_limit/turns.rs"]
mod turns;

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use integridai_tower::client::limit::LimitOptions;
use tower::Service;

use stacks::{Echo, Sent, ask, correlation, ours, towers, with_id, without_id};
use turns::{Case, Contender};

fn timed<S: Service<Sent>>(rounds: u64, service: &mut S, request: fn() -> Sent) -> Duration {
    let began = Instant::now();
    for _ in 0..rounds {
        ask(service, request());
    }
    began.elapsed()
}

/// Its calls are part of a request that has an id.
fn correlated<S>(name: &'static str, service: S) -> Contender
where
    S: Service<Sent> + Clone + 'static,
{
    let run = move |rounds| {
        let mut service = service.clone();
        let calls = correlation().scope(async move { timed(rounds, &mut service, without_id) });
        calls.now_or_never().expect("it waits for nothing")
    };
    Contender { name, run: Box::new(run) }
}

fn alone<S>(name: &'static str, service: S) -> Contender
where
    S: Service<Sent> + Clone + 'static,
{
    Contender { name, run: Box::new(move |rounds| timed(rounds, &mut service.clone(), with_id)) }
}

fn contenders() -> Vec<Contender> {
    vec![
        correlated("ours, fixed limit", ours(&LimitOptions::fixed(100))),
        correlated("ours, adaptive limit", ours(&LimitOptions::adaptive())),
        alone("tower", towers()),
        alone("nothing", Echo),
    ]
}

fn main() {
    // tower's timeout asks for one when it is called.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _runtime = runtime.enter();
    turns::run(&[Case {
        name: "client, stack".into(),
        rounds: 1000,
        peer: "tower",
        floor: Some("nothing"),
        make: Box::new(contenders),
    }]);
}
