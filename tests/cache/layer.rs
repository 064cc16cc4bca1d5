//! The one place where the cases meet the layer: what they configure becomes its settings.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderName;
use integridai_tower::Clock;
use integridai_tower::cache::redis::{RedisStore, RedisStoreOptions};
use integridai_tower::cache::{Background, CacheLayer, Handle, MemoryStore};
use tokio::task::JoinSet;
use tower_layer::Layer;

use super::case::{Configuration, Purge};
use super::progress::Progress;
use super::proxy::{forward, serve};

const MEMORY: u64 = 64 << 20;
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Where answers are kept.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    Memory,
    /// A Redis at this URL, behind a memory that is emptied after each step: what a step finds comes out of Redis.
    Redis(String),
}

pub(crate) struct Cache {
    layer: CacheLayer,
    handle: Handle,
    redis: Option<RedisStore>,
}

impl Cache {
    pub(crate) async fn new(
        case: &Configuration,
        store: &Store,
        clock: &Clock,
        progress: &Progress,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let memory = MemoryStore::new(MEMORY).expect("a size that can be");
        let (layer, redis) = match store {
            Store::Memory if case.is_private => (CacheLayer::private(memory), None),
            Store::Memory => (CacheLayer::new(memory), None),
            Store::Redis(url) => {
                let store = redis_store(url, memory, tasks).await;
                let layer = if case.is_private { CacheLayer::private } else { CacheLayer::new };
                (layer(store.clone()), Some(store))
            }
        };
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
        Self { handle: layer.handle(), layer, redis }
    }

    pub(crate) async fn serve(
        &self,
        origin: SocketAddr,
        progress: &Progress,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<SocketAddr> {
        serve(self.layer.layer(forward(origin)), progress, tasks).await
    }

    /// Until Redis has what this replica was given, and nothing but Redis has it.
    pub(crate) async fn settle(&self) {
        if let Some(redis) = &self.redis {
            redis.settled().await;
            redis.clear_memory();
            assert_eq!(redis.status().memory.urls, 0, "what a case finds later comes out of Redis");
        }
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

/// One of the case's own, with the time that a busy machine takes.
async fn redis_store(url: &str, memory: MemoryStore, tasks: &mut JoinSet<()>) -> RedisStore {
    static CASES: AtomicU64 = AtomicU64::new(0);
    let name = CASES.fetch_add(1, Ordering::Relaxed).to_string();
    let options = RedisStoreOptions::new().response_timeout(ANSWERS_WITHIN).largest_entry(64 << 20);
    let (store, keep_in_step) = options.build(url, &name, memory).expect("settings that can be");
    tasks.spawn(keep_in_step.run());
    store.in_step().await;
    store
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
