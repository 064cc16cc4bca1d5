//! What operators see of kept answers, and remove from them.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use integridai_tower::cache::redis::{RedisStatus, RedisStore};
use integridai_tower::cache::{Handle, Held, MemoryStatus, MemoryStore};

/// The host of which all answers are kept, whatever a client calls the gateway.
pub const KEPT_ORIGIN: &str = "gateway";

/// The answers that the gateway keeps. A clone is of the same.
#[derive(Debug, Clone)]
pub struct KeptAnswers {
    handle: Handle,
    store: KeptIn,
    max_bytes: u64,
}

/// Where answers are kept. A clone is the same.
#[derive(Debug, Clone)]
pub enum KeptIn {
    /// Here alone.
    Memory(Arc<MemoryStore>),
    /// Here, and in a Redis for all gateways.
    Redis(RedisStore),
}

/// How often the figures are told.
const INTERVAL: Duration = Duration::from_secs(2);

/// Which answers to purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// All of them.
    All,
    /// Those of this path.
    Path(String),
    /// Those of all paths that begin so.
    Prefix(String),
    /// Those with this tag.
    Tag(String),
}

impl KeptAnswers {
    /// Those in `store`, which has this room in memory and which `handle` purges.
    #[must_use]
    pub fn new(handle: Handle, store: KeptIn, max_bytes: u64) -> Self {
        Self { handle, store, max_bytes }
    }

    /// The room for them in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// How much is kept here.
    #[must_use]
    pub fn status(&self) -> MemoryStatus {
        match &self.store {
            KeptIn::Memory(memory) => memory.status(),
            KeptIn::Redis(store) => store.status().memory,
        }
    }

    /// What is kept here of a URL, which does not count as a use of it.
    #[must_use]
    pub fn held(&self, url: &Uri) -> Held {
        self.handle.held(url)
    }

    /// How it stands with the Redis that keeps them for all gateways; `None` where none does.
    #[must_use]
    pub fn shared(&self) -> Option<RedisStatus> {
        match &self.store {
            KeptIn::Memory(_) => None,
            KeptIn::Redis(store) => Some(store.status()),
        }
    }

    /// Waits until the other gateways have heard of what was purged here; for as long as Redis is away.
    pub async fn settled(&self) {
        if let KeptIn::Redis(store) = &self.store {
            store.settled().await;
        }
    }

    /// Tells the figures for Prometheus, for as long as it is polled.
    #[allow(clippy::cast_precision_loss, reason = "counts")]
    pub async fn watch(self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let status = self.status();
            metrics::gauge!("integridai_cache_urls").set(status.urls as f64);
            metrics::gauge!("integridai_cache_bytes").set(status.bytes as f64);
            metrics::counter!("integridai_cache_refused_total").absolute(status.refused);
            if let Some(shared) = self.shared() {
                metrics::gauge!("integridai_cache_in_step").set(f64::from(u8::from(shared.is_in_step)));
                for (outcome, count) in
                    [("hit", shared.hits), ("miss", shared.misses), ("without_redis", shared.without_redis)]
                {
                    metrics::counter!("integridai_cache_redis_lookups_total", "outcome" => outcome)
                        .absolute(count);
                }
            }
        }
    }

    /// Removes answers, or makes them stale; tells of how many URLs.
    #[expect(clippy::must_use_candidate, reason = "it is done for its effect")]
    pub fn purge(&self, chosen: &Chosen, is_soft: bool) -> usize {
        match chosen {
            Chosen::All => self.handle.purge_all(is_soft),
            Chosen::Path(path) => {
                let url = Uri::builder()
                    .scheme("http")
                    .authority(KEPT_ORIGIN)
                    .path_and_query(path.as_str())
                    .build();
                url.map_or(0, |url| usize::from(self.handle.purge_url(&url, is_soft)))
            }
            Chosen::Prefix(prefix) => {
                self.handle.purge_prefix(&format!("http://{KEPT_ORIGIN}{prefix}"), is_soft)
            }
            Chosen::Tag(tag) => self.handle.purge_tag(tag, is_soft),
        }
    }
}

impl Chosen {
    /// Whether it is about the answers of this path, which have these tags.
    #[must_use]
    pub fn covers(&self, path: &str, tags: &str) -> bool {
        match self {
            Self::All => true,
            Self::Path(chosen) => chosen == path,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Self::Tag(tag) => tags.split(' ').any(|known| known == tag),
        }
    }
}
