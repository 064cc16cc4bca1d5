//! What the layers refuse and how branches went, as metrics.
//!
//! [`CountRefusalsLayer`] looks for a [`Refused`](crate::Refused) in the extensions of each response and counts it with
//! the `metrics` facade, by layer and reason, and for [`BranchOutcomes`](crate::BranchOutcomes), whose times it records. It refuses
//! nothing and changes nothing. Put it outside of the layers that refuse or fan out, inside of whatever replaces responses.
//! [`BranchTimes`] records the outcomes of fan-outs that are no responses.
//!
//! # Metrics
//! | name | kind | labels | what |
//! | --- | --- | --- | --- |
//! | [`REFUSED_REQUESTS`] | counter | `layer`, `reason` | requests that a layer answered instead of its inner service |
//! | [`SHADOW_REFUSED_REQUESTS`] | counter | `layer`, `reason` | requests that a layer in shadow mode let through and would have refused |
//! | [`FAN_OUT_BRANCH_DURATION`] | histogram | `branch`, `outcome` | how long the branches of fan-outs took |
//!
//! `layer` is a module of this crate and `reason` a word of the layer's fixed set, so both are bounded. Should a layer of
//! your own have no such set: after [`MAX_SERIES`] pairs every further one is counted as `other`. Names of
//! branches are yours; after 31 of them every further one is `other`.
//!
//! [`describe`] gives the names their help texts. A counter is looked up in the recorder once, when its pair is first
//! met: install the recorder before that.
//!
//! # Headers and extensions
//! Reads [`Refused`](crate::Refused) and [`WouldRefuse`](crate::WouldRefuse) and
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

mod branch_times;
mod counters;
mod future;
mod layer;
mod names;
mod service;

pub use branch_times::BranchTimes;
pub use counters::MAX_SERIES;
pub use future::ResponseFuture;
pub use layer::CountRefusalsLayer;
pub use names::{FAN_OUT_BRANCH_DURATION, REFUSED_REQUESTS, SHADOW_REFUSED_REQUESTS, describe};
pub use service::RefusalsCounted;
