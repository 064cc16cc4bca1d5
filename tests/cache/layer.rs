//! The one place where the cases meet the layer: what they configure becomes its settings.

use std::io;
use std::net::SocketAddr;

use http::HeaderName;
use integridai_tower::Clock;
use integridai_tower::cache::{Background, CacheLayer, Handle, MemoryStore};
use tokio::task::JoinSet;
use tower_layer::Layer;

use super::case::{Configuration, Purge};
use super::progress::Progress;
use super::proxy::{forward, serve};

const MEMORY: u64 = 64 << 20;

/// Where answers are kept.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    Memory,
}

pub(crate) struct Cache {
    layer: CacheLayer,
    handle: Handle,
}

impl Cache {
    pub(crate) fn new(case: &Configuration, store: &Store, clock: &Clock, progress: &Progress) -> Self {
        let Store::Memory = store;
        let memory = MemoryStore::new(MEMORY).expect("a size that can be");
        let layer = if case.is_private { CacheLayer::private(memory) } else { CacheLayer::new(memory) };
        let layer = layer
            .clock(clock.clone())
            .hear_clients(case.hears_clients)
            .sort_query(case.sorts_query)
            .spawn_with(beside(progress.clone()));
        let layer = match &case.targeted {
            Some(fields) => layer.targeted(fields.iter().map(|field| HeaderName::from_static(field))),
            None => layer,
        };
        let layer = match case.largest_body {
            Some(bytes) => layer.largest_body(bytes),
            None => layer,
        };
        Self { handle: layer.handle(), layer }
    }

    pub(crate) async fn serve(
        &self,
        origin: SocketAddr,
        progress: &Progress,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<SocketAddr> {
        serve(self.layer.layer(forward(origin)), progress, tasks).await
    }

    pub(crate) fn purge(&self, purge: Purge) {
        match purge {
            Purge::Target(target) => {
                let url = format!("http://origin.test{target}").parse().unwrap();
                self.handle.purge_url(&url, false);
            }
            Purge::Prefix(prefix) => {
                self.handle.purge_prefix(&format!("http://origin.test{prefix}"), false);
            }
            Purge::Tag(tag) => {
                self.handle.purge_tag(tag, false);
            }
            Purge::SoftTag(tag) => {
                self.handle.purge_tag(tag, true);
            }
            Purge::All => {
                self.handle.purge_all(false);
            }
        }
    }
}

/// Runs what goes on beside a request, and counts it.
fn beside(progress: Progress) -> impl Fn(Background) + Send + Sync + 'static {
    move |work| {
        let progress = progress.clone();
        progress.begun();
        tokio::spawn(async move {
            work.await;
            progress.ended();
        });
    }
}
