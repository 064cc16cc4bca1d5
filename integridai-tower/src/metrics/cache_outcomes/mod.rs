//! What a cache does, as metrics.

mod counters;
mod future;
mod layer;
mod service;

pub use future::CacheOutcomesFuture;
pub use layer::CountCacheOutcomesLayer;
pub use service::CacheOutcomesCounted;
