//! Circuit breakers beside the crates that a team would use instead, in one run: what a call through a closed circuit costs
//! around a service that answers at once, and as the core alone. First the ratios, each of medians of rounds in which all
//! take turns; then criterion's groups.
//!
//! failsafe counts failures in a row; its other policies are averages. recloser has a ring of calls.
//!
//! `-- once CASE CONTENDER ROUNDS` runs one of them alone, for callgrind; `-- ratios NAME` prints the ratios of the cases in
//! whose name this stands, and nothing else.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "circuit_breaker/cores.rs"]
mod cores;
#[path = "circuit_breaker/layers.rs"]
mod layers;
#[path = "rate_limit/turns.rs"]
mod turns;

fn main() {
    let cases: Vec<_> = cores::cases().into_iter().chain(layers::cases()).collect();
    turns::run(&cases);
}
