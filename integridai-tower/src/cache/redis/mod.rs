//! Responses that replicas share through Redis.
//!
//! [`RedisStore`] is a [`MemoryStore`](super::MemoryStore) with a Redis behind it. What is fresh in memory answers as ever. For
//! anything else Redis is looked at before the origin is asked, once for all who want the URL at that moment, and what is there
//! is put into memory. What is stored goes to both; what is purged, or invalidated by an unsafe method, goes from both, and
//! from the memory of every other replica.
//!
//! # What goes on beside requests
//! [`KeepInStep`] is work that you run, such as by [`tokio::spawn`]: it writes to Redis in the order of what was done, and follows
//! the log of changes there. Entries that cannot be written are dropped; purges are kept until Redis has them. No request waits
//! for a connection. The work has three: for look-ups, for what is written, and one that waits for changes.
//!
//! # When Redis is away
//! Whoever finds out closes the way to Redis for all: others miss at once, and no request is the one that tries again. The replica
//! goes on with its memory, of which it [trusts](RedisStoreOptions::trust_memory_for) each entry for some time, since purges
//! by others cannot be heard; then the origin confirms it. Once Redis is back, the replica makes up for each change that it
//! missed. Should those be gone, as after a restart of a Redis that keeps nothing on disk, all of its memory is confirmed
//! before it is used.
//!
//! # What holds
//! - A purge takes effect at once here, and elsewhere as soon as it is heard of, some milliseconds later. A replica from which Redis
//!   is away hears of it when it is back, and uses nothing that is older than [trusted](RedisStoreOptions::trust_memory_for).
//! - An answer that the origin was asked for before a purge does not come back after it, on whatever replica.
//! - What is in Redis and cannot be read, or was written by another version of the format, is not there.
//! - An entry stays in Redis as long as it can be of use, 30 days at most, and no longer than Redis has room: set a policy such as
//!   `allkeys-lru`. The log may be evicted or deleted: entries that are older than a new log count as purged.
//!
//! # What it costs
//! A hit in memory what it costs without Redis. A request that memory cannot answer, one look-up, also where the answer turns out not to
//! be for a cache. A stored answer, one write; an unsafe method that succeeds, one for each URL that it invalidates, whether or not
//! anything was stored of it. A purge, one write, and at each replica a walk over its memory.
//!
//! # What it needs
//! A Redis of version 5 or later, or what speaks its protocol and has streams and scripts. All keys of a store are in one slot of a
//! cluster. Clocks of replicas that differ by seconds make entries a little older or younger. Who can write to this Redis
//! can make the cache say anything: it has to be as trusted as the origin.
//!
//! # Examples
//! ```no_run
//! use integridai_tower::cache::redis::RedisStoreOptions;
//! use integridai_tower::cache::{CacheLayer, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), integridai_tower::ConfigError> {
//! let memory = MemoryStore::new(64 << 20)?;
//! let (store, keep_in_step) = RedisStoreOptions::new().build("redis://127.0.0.1:6379", "edge", memory)?;
//! tokio::spawn(keep_in_step.run());
//! let layer = CacheLayer::new(store.clone());
//! layer.handle().purge_tag("news", true);
//! // Before the process ends: Redis has heard of everything.
//! store.settled().await;
//! # Ok(())
//! # }
//! ```
//! Tuned, for large answers that may be stale for a day, and purges that have to hold within 5 s whatever fails:
//! ```
//! use std::time::Duration;
//! use integridai_tower::cache::MemoryStore;
//! use integridai_tower::cache::redis::RedisStoreOptions;
//!
//! let (store, keep_in_step) = RedisStoreOptions::new()
//!     .prefix("shop")
//!     .response_timeout(Duration::from_millis(50))
//!     .largest_entry(8 << 20)
//!     .compress_above(4 << 10)
//!     .keep_stale(Duration::from_secs(24 * 3600))
//!     .trust_memory_for(Duration::from_secs(5))
//!     .build("redis://127.0.0.1:6379/2", "pages", MemoryStore::new(256 << 20)?)?;
//! assert!(!store.status().is_in_step);
//! # drop(keep_in_step);
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

mod format;
mod link;
mod log;
mod lookups;
mod options;
mod queue;
mod script;
mod shared;
mod store;
mod work;

pub use options::RedisStoreOptions;
pub use store::{RedisStatus, RedisStore};
pub use work::KeepInStep;
