//! What the gateway adds to a workflow, from medians of samples that were taken in turn.

use std::fmt;
use std::time::{Duration, Instant};

use super::caller::Caller;

/// The medians.
pub(crate) struct Added {
    regtech: Duration,
    dashboard: Duration,
    both: Duration,
    workflow: Duration,
}

#[derive(Default)]
struct Samples {
    regtech: Vec<Duration>,
    dashboard: Vec<Duration>,
    both: Vec<Duration>,
    workflow: Vec<Duration>,
}

pub(crate) async fn measure(caller: &Caller, rounds: usize) -> Added {
    let warm_up = rounds / 10;
    let mut samples = Samples::default();
    for round in 0..warm_up + rounds {
        if round == warm_up {
            samples = Samples::default();
        }
        // Neither side always follows the other.
        if round % 2 == 0 {
            samples.direct(caller).await;
            samples.workflow(caller).await;
        } else {
            samples.workflow(caller).await;
            samples.direct(caller).await;
        }
    }
    samples.medians()
}

impl Samples {
    async fn direct(&mut self, caller: &Caller) {
        let begin = Instant::now();
        let analysis = caller.regtech().await;
        let between = Instant::now();
        caller.dashboard(&analysis).await;
        self.regtech.push(between - begin);
        self.dashboard.push(between.elapsed());
        self.both.push(begin.elapsed());
    }

    async fn workflow(&mut self, caller: &Caller) {
        let begin = Instant::now();
        caller.complete_analysis().await;
        self.workflow.push(begin.elapsed());
    }

    fn medians(self) -> Added {
        Added {
            regtech: median(self.regtech),
            dashboard: median(self.dashboard),
            both: median(self.both),
            workflow: median(self.workflow),
        }
    }
}

fn median(mut samples: Vec<Duration>) -> Duration {
    let middle = samples.len() / 2;
    *samples.select_nth_unstable(middle).1
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |time: Duration| time.as_secs_f64() * 1_000_000.0;
        let added = micros(self.workflow) - micros(self.both);
        let call = (micros(self.regtech) + micros(self.dashboard)) / 2.0;
        writeln!(
            f,
            "  medians, taken in turn: RegTech {:.0} µs, Dashboard {:.0} µs, both in sequence {:.0} µs, workflow {:.0} µs",
            micros(self.regtech),
            micros(self.dashboard),
            micros(self.both),
            micros(self.workflow),
        )?;
        write!(
            f,
            "  gateway adds {added:.0} µs to a workflow; a direct call costs {call:.0} µs (mean of the two upstream \
             calls); ratio {:.2}",
            added / call
        )
    }
}
