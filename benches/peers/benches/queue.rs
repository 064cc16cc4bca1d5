//! The queue of executions beside apalis on the same PostgreSQL: so many are handed in, each by a call that waits until it is
//! stored, and then worked off, each doing nothing. Both sides take turns, each time in a database of its own.
//!
//! `-- once` has each side do it once. PostgreSQL has to be installed.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "queue/apalis.rs"]
mod apalis;
#[path = "queue/ours.rs"]
mod ours;
#[path = "queue/rig.rs"]
mod rig;
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use support::postgres::Postgres;
use tokio::runtime::{Builder, Runtime};

/// How many are handed in, and how many callers do it.
const EXECUTIONS: usize = 4_000;
const CALLERS: usize = 16;
const TURNS: usize = 7;

/// How long it took to hand all in, and then to work all off.
#[derive(Debug, Clone, Copy)]
struct Sitting {
    handed_in: Duration,
    worked_off: Duration,
}

impl Sitting {
    fn whole(self) -> f64 {
        (self.handed_in + self.worked_off).as_secs_f64()
    }
}

fn per_second(time: Duration) -> f64 {
    EXECUTIONS as f64 / time.as_secs_f64()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn sit(postgres: &Postgres, side: &str, turn: usize) -> Sitting {
    let url = postgres.create_database(&format!("{side}_{turn}"));
    let runtime = runtime();
    match side {
        "ours" => runtime.block_on(ours::sit(&url)),
        _ => runtime.block_on(apalis::sit(&url)),
    }
}

fn median(sittings: &[Sitting]) -> Sitting {
    let mut sorted = sittings.to_vec();
    sorted.sort_by(|one, other| one.whole().total_cmp(&other.whole()));
    sorted[sorted.len() / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let turns = if arguments.iter().any(|argument| argument == "once") { 1 } else { TURNS };
    let postgres = Postgres::start();
    let mut sittings = [Vec::new(), Vec::new()];
    for turn in 0..turns {
        for (side, sittings) in ["ours", "apalis"].into_iter().zip(&mut sittings) {
            sittings.push(sit(&postgres, side, turn));
        }
    }
    let [ours, apalis] = sittings.each_ref().map(|sittings| median(sittings));
    for (name, sitting) in [("ours", ours), ("apalis", apalis)] {
        println!(
            "queue: {name:8} {:6.0} handed in/s, {:6.0} worked off/s, {:6.0} in all/s",
            per_second(sitting.handed_in),
            per_second(sitting.worked_off),
            per_second(sitting.handed_in + sitting.worked_off),
        );
    }
    let mut ratios: Vec<f64> =
        sittings[0].iter().zip(&sittings[1]).map(|(ours, apalis)| apalis.whole() / ours.whole()).collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "queue: throughput of ours in times of apalis's: {:.2} ({:.2} to {:.2}) over {turns} turns",
        ratios[turns / 2],
        ratios[0],
        ratios[turns - 1],
    );
}
