//! What need not be asked again.

mod age;
mod answer;
mod arrival;
mod assess;
mod body;
mod cache_control;
mod condition;
mod date;
mod dictionary;
mod directives;
mod entry;
mod errand;
mod flight;
mod flights;
mod freshness;
mod future;
mod handle;
mod invalidate;
mod key;
mod layer;
mod outcome;
mod parts;
mod pass;
mod plan;
mod range;
mod request_directives;
mod rules;
mod service;
mod shared;
mod status;
mod storable;
mod store;
mod stream;
mod targeted;
mod trip;
mod validate;
mod vary;
mod wakers;

pub use body::CacheBody;
pub use entry::Entry;
pub use future::ResponseFuture;
pub use handle::Handle;
pub use key::Key;
pub use layer::CacheLayer;
pub use outcome::CacheOutcome;
pub use service::Cache;
pub use shared::Background;
pub use status::CACHE_STATUS;
pub use store::{
    Found, Lookup, MemoryStatus, MemoryStore, MemoryStoreOptions, Purge, Purged, Resource, Store,
};
