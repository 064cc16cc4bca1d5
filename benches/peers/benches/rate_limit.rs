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

use criterion::Criterion;

use turns::Case;

fn cases() -> Vec<Case> {
    cores::cases().into_iter().chain(layers::cases()).collect()
}

/// One contender alone, as often as it is told.
fn once(arguments: &[String]) {
    let [case, contender, rounds] = arguments else { panic!("expected: once CASE CONTENDER ROUNDS") };
    let case = cases().into_iter().find(|known| known.name == case.as_str()).expect("a known case");
    let contender = case.contenders().into_iter().find(|known| known.name == contender.as_str());
    let rounds = rounds.parse().expect("a number");
    (contender.expect("a known contender").run)(rounds);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "once") {
        return once(&arguments[at + 1..]);
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "ratios") {
        let name = arguments.get(at + 1).map_or("", String::as_str);
        return cases().iter().filter(|case| case.name.contains(name)).for_each(Case::print_ratios);
    }
    cases().iter().for_each(Case::print_ratios);
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases() {
        case.bench(&mut criterion);
    }
    criterion.final_summary();
}
