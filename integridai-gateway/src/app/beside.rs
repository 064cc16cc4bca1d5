//! What goes on beside requests, and how it ends.

use std::time::Duration;

use integridai_tower::client::balance::CheckHealth;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::tls;
use crate::api::Api;
use crate::config::Config;
use crate::events::Tail;
use crate::services::KeptAnswers;
use crate::stack::{Access, Cache, Limits};
use crate::store::{Store, Table};
use crate::telemetry::{self, DroppedLines};

/// What has work of its own.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) access: Access,
    pub(super) limits: Limits,
    pub(super) cache: Option<Cache>,
    pub(super) checks: Vec<CheckHealth>,
    pub(super) certificates: Option<tls::Files>,
    pub(super) dropped_lines: Option<DroppedLines>,
}

/// That work, under way.
pub(super) struct Running {
    works: JoinSet<()>,
    answers: Option<KeptAnswers>,
    is_served: CancellationToken,
    returning: JoinHandle<()>,
}

/// What the store is given to write down its last rows, and WebSockets to say goodbye.
pub(super) const STORE_GRACE: Duration = Duration::from_secs(5);

/// What Redis is given to hear of the last purges.
const PURGES_GRACE: Duration = Duration::from_secs(2);

/// What Redis is given to take back leases.
const LEASES_GRACE: Duration = Duration::from_secs(2);

impl Beside {
    pub(super) fn start(self, api: &Api, config: &Config) -> Running {
        let Self { mut access, mut limits, cache, checks, certificates, dropped_lines } = self;
        let mut works = JoinSet::new();
        works.spawn(api.consolidated.clone().keep_fresh(config.realtime.metrics_interval_seconds.get()));
        works.spawn(Tail::new(api.store.clone(), api.hub.clone()).run());
        works.spawn(telemetry::upkeep(api.prometheus.clone()));
        works.spawn(gauges(api.store.clone(), dropped_lines));
        works.spawn(access.issuer_keys().watch());
        works.spawn(limits.watch());
        access.take_refreshes().into_iter().for_each(|refresh| drop(works.spawn(refresh)));
        checks.into_iter().for_each(|check| drop(works.spawn(check)));
        certificates.into_iter().for_each(|files| drop(works.spawn(tls::watch(files))));
        let answers = cache.as_ref().map(Cache::answers);
        answers.clone().into_iter().for_each(|answers| drop(works.spawn(answers.watch())));
        let in_step = cache.and_then(|mut cache| cache.take_in_step());
        in_step.into_iter().for_each(|in_step| drop(works.spawn(in_step)));
        let is_served = CancellationToken::new();
        let returning = tokio::spawn(limits.return_leases(&is_served));
        Running { works, answers, is_served, returning }
    }
}

impl Running {
    /// Once nothing is served any more.
    pub(super) async fn end(mut self, api: &Api) {
        api.sockets.close();
        if tokio::time::timeout(STORE_GRACE, api.sockets.wait()).await.is_err() {
            tracing::warn!("some WebSockets did not say goodbye");
        }
        if let Some(answers) = &self.answers
            && tokio::time::timeout(PURGES_GRACE, answers.settled()).await.is_err()
        {
            tracing::warn!("other gateways were not told of some purges");
        }
        self.works.shutdown().await;
        self.is_served.cancel();
        if tokio::time::timeout(LEASES_GRACE, self.returning).await.is_err() {
            tracing::warn!("some leases were not given back");
        }
        if let Err(error) = api.store.close(STORE_GRACE).await {
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
