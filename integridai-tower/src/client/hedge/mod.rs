//! A second attempt of what takes unusually long.
//!
//! One call in twenty takes longer than the 95 % quantile of them, often for no reason that a second attempt would meet
//! again: a queue, a pause, a replica that is ill. [`HedgeLayer`] makes a second attempt then, and answers with whichever succeeds
//! first (Dean and Barroso, *The Tail at Scale*, 2013). The other is dropped at once.
//!
//! # When
//! After the time within which 95 of 100 calls of the last minute had their answer, as it is at the moment the call
//! begins; [`HedgeOptions`] says otherwise. Times are those of first attempts that succeeded; one that was overtaken or dropped
//! counts as having taken longer. The window slides, in constant memory, and asking it does not cost more with more calls.
//!
//! # Which wins
//! The first *success*: an answer that [`ClassifyAttempt`](super::ClassifyAttempt) calls final, a 404 among them. An error or a 5xx of
//! one does not win while the other is under way. When both fail, the answer is what the first gave, unless that is an error and
//! the second has a response. A failure before there is a second attempt is the answer: repeating is for
//! [`RetryLayer`](super::retry::RetryLayer).
//!
//! # When it does not
//! Only requests whose method is safe (RFC 9110 §9.2.1) and whose body can be [replayed](super::Replay) have a second attempt,
//! and only as long as the [budget](super::AttemptBudget) allows: a twentieth of the calls, so that a service that is slow for all
//! does not get twice the load. A second attempt is made by an instance of the inner service that was polled ready for it; where
//! none becomes ready, the first goes on alone. There are two attempts at most.
//!
//! # Headers and extensions
//! Writes [`Hedged`] into the extensions of a response for which two attempts were made. Reads and writes no headers: both attempts
//! of a call have the same number.
//!
//! # Examples
//! With defaults:
//! ```
//! use http::{Request, Response};
//! use integridai_tower::client::hedge::{HedgeLayer, Hedged};
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), std::io::Error> {
//! static CALLS: AtomicU32 = AtomicU32::new(0);
//! // The twentieth call hangs.
//! let service = service_fn(async |_: Request<()>| {
//!     if CALLS.fetch_add(1, Ordering::Relaxed) == 19 {
//!         std::future::pending::<()>().await;
//!     }
//!     Ok::<_, std::io::Error>(Response::new(()))
//! });
//! let hedge = HedgeLayer::default();
//! let client = hedge.layer(service);
//! for call in 0..20 {
//!     let response = client.clone().oneshot(Request::new(())).await?;
//!     assert_eq!(response.extensions().get::<Hedged>().is_some_and(|hedged| hedged.won), call == 19);
//! }
//! assert_eq!(hedge.counts().hedged, 1);
//! # Ok(())
//! # }
//! ```
//! Tuned:
//! ```
//! use std::time::Duration;
//! use integridai_tower::client::AttemptBudget;
//! use integridai_tower::client::hedge::HedgeOptions;
//!
//! let layer = HedgeOptions::new()
//!     .quantile(0.98)
//!     .at_least(Duration::from_millis(10))
//!     .until_known(Duration::from_millis(250))
//!     .window(Duration::from_secs(300))
//!     .budget(AttemptBudget::new(0.02, 1, Duration::from_secs(10))?)
//!     .build()?;
//! # let _ = layer;
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

mod future;
mod histogram;
mod layer;
mod options;
mod shared;
#[cfg(test)]
mod tests;
mod window;

pub use future::{Hedged, ResponseFuture};
pub use layer::{HedgeLayer, HedgeService};
pub use options::HedgeOptions;
pub use shared::HedgeCounts;
