//! What goes on beside requests, and how it ends.

use std::time::Duration;

use tokio::task::JoinSet;

use super::generation::Generation;
use super::lasting::Lasting;
use crate::config::Config;
use crate::events::Tail;
use crate::store::{Store, Table};
use crate::telemetry::{self, DroppedLines};

/// What goes on beside requests, whatever configuration is in force.
pub(super) struct Running {
    works: JoinSet<()>,
}

/// What the store is given to write down its last rows, and WebSockets to say goodbye.
pub(super) const STORE_GRACE: Duration = Duration::from_secs(5);

/// What Redis is given to hear of the last purges.
const PURGES_GRACE: Duration = Duration::from_secs(2);

/// What Redis is given to take back leases.
const LEASES_GRACE: Duration = Duration::from_secs(2);

impl Running {
    pub(super) fn start(lasting: &Lasting, config: &Config, dropped_lines: Option<DroppedLines>) -> Self {
        let mut works = JoinSet::new();
        let interval = config.realtime.metrics_interval_seconds.get();
        works.spawn(lasting.consolidated.clone().keep_fresh(interval));
        works.spawn(Tail::new(lasting.store.clone(), lasting.hub.clone()).run());
        works.spawn(telemetry::upkeep(lasting.prometheus.clone()));
        works.spawn(gauges(lasting.store.clone(), dropped_lines));
        Self { works }
    }

    /// Once nothing is served any more, by what was in force at last.
    pub(super) async fn end(mut self, lasting: &Lasting, last: Option<Generation>) {
        lasting.sockets.close();
        if tokio::time::timeout(STORE_GRACE, lasting.sockets.wait()).await.is_err() {
            tracing::warn!("some WebSockets did not say goodbye");
        }
        if let Some(last) = &last
            && tokio::time::timeout(PURGES_GRACE, last.settled()).await.is_err()
        {
            tracing::warn!("other gateways were not told of some purges");
        }
        self.works.shutdown().await;
        // With it goes who counts under leases, which are given back.
        drop(last);
        lasting.returns.close();
        if tokio::time::timeout(LEASES_GRACE, lasting.returns.wait()).await.is_err() {
            tracing::warn!("some leases were not given back");
        }
        if let Err(error) = lasting.store.close(STORE_GRACE).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the store was not written to its end");
        }
    }
}

/// Figures that nobody pushes.
#[allow(clippy::cast_precision_loss, reason = "counts")]
async fn gauges(store: Store, dropped_lines: Option<DroppedLines>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        if let Err(error) = store.ping().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the store does not answer");
        }
        let health = store.health();
        metrics::gauge!("integridai_store_healthy").set(f64::from(u8::from(health.healthy)));
        metrics::gauge!("integridai_store_buffered_rows").set(health.buffered_rows as f64);
        metrics::counter!("integridai_store_written_rows_total").absolute(health.written_rows);
        metrics::gauge!("integridai_store_spooled_rows").set(health.spooled_rows as f64);
        metrics::counter!("integridai_store_spool_damages_total").absolute(health.spool_damages);
        for table in Table::ALL {
            let dropped = metrics::counter!("integridai_store_dropped_rows_total", "table" => table.name());
            dropped.absolute(store.dropped_rows(table));
        }
        metrics::counter!("integridai_store_pruned_rows_total").absolute(health.pruned_rows);
        if let Some(lines) = &dropped_lines {
            metrics::counter!("integridai_log_lines_dropped_total").absolute(lines.count() as u64);
        }
        if let Ok(queued) = store.queued_executions().await {
            metrics::gauge!("integridai_executions_queued").set(queued as f64);
        }
    }
}
