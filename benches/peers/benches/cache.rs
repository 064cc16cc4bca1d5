//! The cache beside the crates that a team would use instead, in one run: the same requests, the same answers, room for as many,
//! each peer set up as its documentation says. First the ratios, each of medians of rounds in which all take turns; then
//! criterion's groups.
//!
//! None of the peers validates: where ours asks the origin whether what is stored is still right, theirs fetch it again. Only
//! http-cache-tower-server reads `Cache-Control`; tower-resilience-cache and axum-response-cache keep an answer for a set time and hand
//! out a clone of it, whoever asks and whatever the answer says. axum-response-cache calls the service on every hit and drops what
//! it began.
//!
//! `-- once CASE CONTENDER ROUNDS` runs one of them alone, for callgrind; `-- ratios NAME` prints the ratios of the cases in
//! whose name this stands.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "cache/cases.rs"]
mod cases;
#[path = "cache/exchange.rs"]
mod exchange;
#[path = "cache/layers.rs"]
mod layers;
#[path = "cache/turns.rs"]
mod turns;

use criterion::Criterion;

use turns::Case;

/// One contender alone, as often as it is told.
fn once(arguments: &[String]) {
    let [case, contender, rounds] = arguments else { panic!("expected: once CASE CONTENDER ROUNDS") };
    let case = cases::all().into_iter().find(|known| known.name == case.as_str()).expect("a known case");
    let contender = (case.make)().into_iter().find(|known| known.name == contender.as_str());
    let rounds = rounds.parse().expect("a number");
    (contender.expect("a known contender").run)(rounds);
}

fn main() {
    // glibc gives memory back to the system in every lull until it has seen a large piece come and go.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(16 << 20)));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "once") {
        return once(&arguments[at + 1..]);
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "ratios") {
        let name = arguments.get(at + 1).map_or("", String::as_str);
        return cases::all().iter().filter(|case| case.name.contains(name)).for_each(Case::print_ratios);
    }
    cases::all().iter().for_each(Case::print_ratios);
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases::all() {
        case.bench(&mut criterion);
    }
    criterion.final_summary();
}
