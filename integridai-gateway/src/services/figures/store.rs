//! How the store is doing, what waits in the queue, and how far behind the log subscribers are.

use crate::events::Hub;
use crate::store::{Store, Table};

#[allow(clippy::cast_precision_loss, reason = "counts")]
pub(super) async fn tell(store: &Store, hub: &Hub) {
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
    tell_connections(store);
    let committed = *store.committed_events().borrow();
    metrics::gauge!("integridai_events_lag").set(committed.saturating_sub(hub.head()) as f64);
    tell_queue(store).await;
}

/// Where the store is a file there are none.
#[allow(clippy::cast_precision_loss, reason = "counts")]
fn tell_connections(store: &Store) {
    let Some(connections) = store.connections() else { return };
    for (state, count) in [("used", connections.used), ("idle", connections.idle)] {
        metrics::gauge!("integridai_store_connections", "state" => state).set(count as f64);
    }
    metrics::gauge!("integridai_store_connections_max").set(connections.max as f64);
    metrics::gauge!("integridai_store_connections_wanted").set(connections.wanted as f64);
}

#[allow(clippy::cast_precision_loss, reason = "counts")]
async fn tell_queue(store: &Store) {
    if let Ok(queued) = store.queued_executions().await {
        metrics::gauge!("integridai_executions_queued").set(queued as f64);
    }
    if let Ok(wait) = store.longest_wait().await {
        metrics::gauge!("integridai_executions_queue_age_seconds")
            .set(wait.unwrap_or_default().as_secs_f64());
    }
}
