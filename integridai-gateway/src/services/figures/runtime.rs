//! What tokio says of itself, as far as that is stable.

use std::time::Duration;

use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::time::Instant;

/// The runtime that it is made in, as it was at the last look.
#[derive(Debug)]
pub(super) struct Runtime {
    metrics: RuntimeMetrics,
    looked: Instant,
    busy: Duration,
}

impl Runtime {
    pub(super) fn new() -> Self {
        let metrics = Handle::current().metrics();
        let busy = busy(&metrics);
        Self { metrics, looked: Instant::now(), busy }
    }

    #[allow(clippy::cast_precision_loss, reason = "counts")]
    pub(super) fn tell(&mut self) {
        let workers = self.metrics.num_workers();
        metrics::gauge!("tokio_runtime_workers").set(workers as f64);
        metrics::gauge!("tokio_runtime_tasks").set(self.metrics.num_alive_tasks() as f64);
        metrics::gauge!("tokio_runtime_global_queue_depth").set(self.metrics.global_queue_depth() as f64);
        let (now, busy) = (Instant::now(), busy(&self.metrics));
        let time = now.duration_since(self.looked).as_secs_f64() * workers as f64;
        if time > 0.0 {
            let share = busy.saturating_sub(self.busy).as_secs_f64() / time;
            metrics::gauge!("tokio_runtime_busy_ratio").set(share.min(1.0));
        }
        (self.looked, self.busy) = (now, busy);
    }
}

/// The time that all workers together were busy so far.
fn busy(metrics: &RuntimeMetrics) -> Duration {
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum()
}
