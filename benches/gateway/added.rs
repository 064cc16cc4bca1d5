//! What the gateway adds to a workflow, from medians of samples that were taken in turn.
//!
//! Who shares a processor with whom decides what a wake-up costs, and weighs more than everything measured here. So
//! there are several sittings, each with a client on a thread of its own; what counts is the middle one.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use super::caller::Caller;

/// The medians of one sitting.
#[derive(Clone, Copy)]
struct Sitting {
    regtech: f64,
    dashboard: f64,
    both: f64,
    workflow: f64,
}

#[derive(Default)]
struct Samples {
    regtech: Vec<Duration>,
    dashboard: Vec<Duration>,
    both: Vec<Duration>,
    workflow: Vec<Duration>,
}

/// All sittings.
pub(crate) struct Added(Vec<Sitting>);

impl Added {
    /// `caller` makes a client.
    pub(crate) fn measure(caller: impl Fn() -> Caller + Sync, sittings: usize, rounds: usize) -> Self {
        let sit = || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(sitting(&caller(), rounds))
        };
        let on_a_thread_of_its_own =
            |_| thread::scope(|scope| scope.spawn(sit).join().expect("every call is answered"));
        Self((0..sittings).map(on_a_thread_of_its_own).collect())
    }

    fn middle(&self, of: impl Fn(&Sitting) -> f64) -> f64 {
        self.sorted(of)[self.0.len() / 2]
    }

    fn sorted(&self, of: impl Fn(&Sitting) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.0.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

async fn sitting(caller: &Caller, rounds: usize) -> Sitting {
    let warm_up = rounds / 4;
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

impl Sitting {
    /// What the gateway adds to a workflow.
    fn added(&self) -> f64 {
        self.workflow - self.both
    }

    /// What one of the two calls costs when made directly.
    fn call(&self) -> f64 {
        (self.regtech + self.dashboard) / 2.0
    }

    fn ratio(&self) -> f64 {
        self.added() / self.call()
    }
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

    fn medians(self) -> Sitting {
        Sitting {
            regtech: median(self.regtech),
            dashboard: median(self.dashboard),
            both: median(self.both),
            workflow: median(self.workflow),
        }
    }
}

/// In microseconds.
fn median(mut samples: Vec<Duration>) -> f64 {
    let middle = samples.len() / 2;
    samples.select_nth_unstable(middle).1.as_secs_f64() * 1_000_000.0
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [regtech, dashboard, both, workflow] = [
            |s: &Sitting| s.regtech,
            |s: &Sitting| s.dashboard,
            |s: &Sitting| s.both,
            |s: &Sitting| s.workflow,
        ]
        .map(|of: fn(&Sitting) -> f64| self.middle(of));
        writeln!(
            f,
            "  RegTech {regtech:.0} µs, Dashboard {dashboard:.0} µs, both in sequence {both:.0} µs, workflow {workflow:.0} µs",
        )?;
        let ratios = self.sorted(Sitting::ratio);
        write!(
            f,
            "  gateway adds {:.0} µs to a workflow; a direct call costs {:.0} µs (mean of the two upstream calls); \
             ratio {:.2} ({} sittings, {:.2} to {:.2})",
            self.middle(Sitting::added),
            self.middle(Sitting::call),
            self.middle(Sitting::ratio),
            ratios.len(),
            ratios[0],
            ratios[ratios.len() - 1],
        )
    }
}
