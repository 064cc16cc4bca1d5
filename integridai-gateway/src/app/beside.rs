//! What goes on beside requests, and how it ends.

use std::time::Duration;

use tokio::task::JoinSet;

use super::generation::Generation;
use super::lasting::Lasting;
use super::tls;
use crate::config::Config;
use crate::events::Tail;
use crate::services::Figures;
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
    pub(super) fn start(
        lasting: &Lasting,
        config: &Config,
        certificates: Option<tls::Files>,
        dropped_lines: Option<DroppedLines>,
    ) -> Self {
        let mut works = JoinSet::new();
        let interval = config.realtime.metrics_interval_seconds.get();
        works.spawn(lasting.consolidated.clone().keep_fresh(interval));
        works.spawn(Tail::new(lasting.store.clone(), lasting.hub.clone()).run());
        works.spawn(telemetry::upkeep(lasting.prometheus.clone()));
        let (store, hub, clients) = (lasting.store.clone(), lasting.hub.clone(), lasting.clients.clone());
        works.spawn(Figures { store, hub, clients, dropped_lines }.watch());
        certificates.into_iter().for_each(|files| drop(works.spawn(tls::watch(files))));
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
