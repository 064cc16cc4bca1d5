//! Figures that nobody pushes: they are looked at every five seconds, and told to Prometheus.

mod process;
mod runtime;
mod store;

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use self::process::Process;
use self::runtime::Runtime;
use super::Protection;
use crate::events::Hub;
use crate::stack::CurrentClients;
use crate::store::Store;
use crate::telemetry::{DroppedLines, tell_held_lines};

/// What is looked at.
#[derive(Debug)]
pub struct Figures {
    /// Rows, the queue of executions, and connections to the database.
    pub store: Store,
    /// How far events were sent.
    pub hub: Hub,
    /// Circuits, limits and addresses of the services.
    pub clients: CurrentClients,
    /// Log lines that could not be written.
    pub dropped_lines: Option<DroppedLines>,
}

const INTERVAL: Duration = Duration::from_secs(5);

impl Figures {
    /// Tells them for as long as it is polled, within tokio.
    pub async fn watch(self) {
        let (mut process, mut runtime) = (Process::new(), Runtime::new());
        tell_build();
        begin_counters();
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            tell_held_lines();
            Protection::of(&self.clients.get()).tell();
            runtime.tell();
            process.tell();
            if let Some(lines) = &self.dropped_lines {
                metrics::counter!("integridai_log_lines_dropped_total").absolute(lines.count() as u64);
            }
            store::tell(&self.store, &self.hub).await;
        }
    }
}

/// What may never happen is 0 until it does: where there is no series, an increase from nothing to one is not seen.
fn begin_counters() {
    metrics::counter!("integridai_panics_total").increment(0);
    metrics::counter!("integridai_execution_retries_total").increment(0);
    metrics::counter!("integridai_execution_leases_lost_total").increment(0);
    metrics::counter!("integridai_executions_given_up_total").increment(0);
}

/// What runs, as a label of a figure that is always 1: the convention of Prometheus for facts that are no numbers.
fn tell_build() {
    let revision = option_env!("INTEGRIDAI_REVISION").unwrap_or("unknown");
    metrics::gauge!("integridai_build_info", "version" => env!("CARGO_PKG_VERSION"), "revision" => revision)
        .set(1.0);
}
