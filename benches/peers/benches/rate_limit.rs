//! Rate limits beside the crates that a team would use instead, in one run: the same keys, the same quota, each peer set up
//! as its documentation says. First the ratios, each of medians of rounds in which all take turns; then criterion's groups.
//!
//! tower-resilience-ratelimiter has no keys: its one limiter stands beside our layer. pingora-limits counts in a sketch of
//! fixed size, so that many keys share a counter. limitador counts in fixed windows, and has no burst.
//!
//! `-- once CASE CONTENDER ROUNDS` runs one of them alone, for callgrind; `-- nothing` prints the ratios alone, and
//! `-- ratios NAME` those of the cases in whose name this stands.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "rate_limit/cores.rs"]
mod cores;
#[path = "rate_limit/layers.rs"]
mod layers;
#[path = "rate_limit/limiters.rs"]
mod limiters;
#[path = "rate_limit/turns.rs"]
mod turns;

fn main() {
    let cases: Vec<_> = cores::cases().into_iter().chain(layers::cases()).collect();
    turns::run(&cases);
}
