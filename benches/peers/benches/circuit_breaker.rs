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
