//! What the layers refuse, what a cache does and how branches went, as metrics.
//!
//! [`CountRefusalsLayer`] looks for a [`Refused`](crate::Refused) in the extensions of each response and counts it with
//! the `metrics` facade, by layer and reason, and for [`BranchOutcomes`](crate::BranchOutcomes), whose times it records. It refuses
//! nothing and changes nothing. Put it outside of the layers that refuse or fan out, inside of whatever replaces responses.
//! [`BranchTimes`] records the outcomes of fan-outs that are no responses.
//!
//! [`CountCacheOutcomesLayer`] counts the outcome that a `cache` leaves there, and the bytes that came from its store. Put it
//! right outside of the cache. What a store holds is asked of the store: a gauge is set by whoever owns it.
//!
//! # Metrics
//! | name | kind | labels | what |
//! | --- | --- | --- | --- |
//! | [`REFUSED_REQUESTS`] | counter | `layer`, `reason` | requests that a layer answered instead of its inner service |
//! | [`SHADOW_REFUSED_REQUESTS`] | counter | `layer`, `reason` | requests that a layer in shadow mode let through and would have refused |
//! | [`CACHE_REQUESTS`] | counter | `outcome` | requests that a cache saw |
//! | [`CACHE_SERVED_BYTES`] | counter | `outcome` | bytes of content that came from its store instead of the origin |
//! | [`FAN_OUT_BRANCH_DURATION`] | histogram | `branch`, `outcome` | how long the branches of fan-outs took |
//!
//! | `outcome` | what the cache did | asked the origin |
//! | --- | --- | --- |
//! | `hit` | served what is stored and fresh | no |
//! | `stale_hit` | served what is stored and stale: it is revalidated meanwhile, or the client takes it | not for this client |
//! | `confirmed` | had what is stored confirmed (304), and served it | yes, without content |
//! | `stale_if_error` | served what is stored in place of an error | yes, in vain |
//! | `stored` | passed the answer on and stored it: a miss | yes |
//! | `passed` | passed the answer on; it may not be stored | yes |
//! | `collapsed` | shared the answer to another request | no, the other did |
//! | `bypassed` | had nothing to do with it: the method, an upgrade, a condition for the origin | yes |
//! | `not_cached` | answered 504, for the client wanted nothing but what is stored | no |
//!
//! The hit rate is `hit`, `stale_hit`, `confirmed`, `stale_if_error` and `collapsed` over all but `bypassed`. Bytes count once per
//! answer, when its head passes: a client that leaves has them counted too.
//!
//! `layer` is a module of this crate and `reason` a word of the layer's fixed set, so both are bounded. Should a layer of
//! your own have no such set: after [`MAX_SERIES`] pairs every further one is counted as `other`. Names of
//! branches are yours; after 31 of them every further one is `other`.
//!
//! [`describe`] gives the names their help texts. A counter is looked up in the recorder once, when its pair is first
//! met: install the recorder before that.
//!
//! # Headers and extensions
//! Reads [`Refused`](crate::Refused), [`WouldRefuse`](crate::WouldRefuse), `cache::CacheOutcome` and
//! [`BranchOutcomes`](crate::BranchOutcomes) of the response. Writes none, and reads no header.
//!
//! # Examples
//! ```
//! use integridai_tower::metrics::{self, CountRefusalsLayer};
//! use tower::{ServiceBuilder, service_fn};
//!
//! metrics::describe();
//! let service = ServiceBuilder::new()
//!     .layer(CountRefusalsLayer::new())
//!     .service(service_fn(async |_: http::Request<()>| Ok::<_, std::convert::Infallible>(http::Response::new(()))));
//! # let _ = service;
//! ```
//! With labels of your own on every counter, such as which of two listeners it is:
//! ```
//! use integridai_tower::metrics::CountRefusalsLayer;
//!
//! let layer = CountRefusalsLayer::new().label("listener", "admin");
//! # let _ = layer;
//! ```
//! A cache, named so that two of them are told apart:
//! ```
//! use integridai_tower::metrics::CountCacheOutcomesLayer;
//!
//! let layer = CountCacheOutcomesLayer::new().label("cache", "edge");
//! # let _ = layer;
//! ```

mod branch_times;
mod cache_outcomes;
mod counters;
mod future;
mod layer;
mod names;
mod service;

pub use branch_times::BranchTimes;
pub use cache_outcomes::{CacheOutcomesCounted, CacheOutcomesFuture, CountCacheOutcomesLayer};
pub use counters::MAX_SERIES;
pub use future::ResponseFuture;
pub use layer::CountRefusalsLayer;
pub use names::{
    CACHE_REQUESTS, CACHE_SERVED_BYTES, FAN_OUT_BRANCH_DURATION, REFUSED_REQUESTS, SHADOW_REFUSED_REQUESTS,
    describe,
};
pub use service::RefusalsCounted;
