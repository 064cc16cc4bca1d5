//! So many calls of a service at once as it takes without slowing down; the others wait their turn, or are refused.
//!
//! What takes on more than it can do serves nobody. A [`ConcurrencyLimit`] knows how many calls are under way; who comes when
//! it is full waits in a bounded line, the most urgent first, and those that would wait in vain are told so at once.
//! [`ConcurrencyLimitLayer`] goes around a client and fails with an error of its own; [`ConcurrencyLimitDoorLayer`] goes in
//! front of a route and answers 503. Use one limit for each service: that is what keeps a slow one from taking everything
//! (a bulkhead; Nygard, *Release It!*).
//!
//! # How many
//! [`LimitOptions::fixed`]: as many as you say. [`LimitOptions::adaptive`]: the gradient of Netflix's concurrency-limits
//! (Gradient2). Once in each window it compares how long calls took in the window with how long they took over many:
//!
//! - `gradient = tolerance × long term / window`, at least 0.5 and at most 1;
//! - `limit = limit × gradient + queue allowance`, smoothed, between minimum and maximum;
//! - a window of calls that failed for overload, such as 503 or out of time, cuts the limit by half the share of them;
//! - after such an overload each call that goes well, in the usual time, adds one, up to half of the limit that stood before it
//!   (TCP's slow start, RFC 5681 §3.1);
//! - a service that is asked less than half of what it may be asked shows nothing: the limit stays;
//! - where it is reached all the time, few calls are let through for two windows now and then: if those are much faster, what was
//!   taken for their time was a queue inside the service ([`LimitOptions::probe_after`]).
//!
//! # Who waits
//! A request's [`Priority`] decides whose turn it is; among equals it is who came first. Nobody waits longer than
//! [`max_wait`](LimitOptions::max_wait), nor so long that a call, as they are of late, would end after the request's
//! [`Deadline`]. Where the line is full, a more urgent request
//! takes the place of the last of the least urgent; otherwise it is refused. [`Cause`] says which of these it was.
//!
//! # What it does not do
//! A call ends with the head of its response: a body that comes slowly is not counted. It has no timeout: put one inside of it,
//! so that a call that hangs counts as overload. It does not retry: put retries outside, so that each try waits its turn. One
//! that waits holds an instance of the service that is ready.
//!
//! # Headers and extensions
//! Reads [`Priority`] and [`Deadline`] of the request, [`Refused`](crate::Refused) of the response.
//! [`ConcurrencyLimitDoorLayer`] writes, on a refusal, `Retry-After` (whole seconds, at least 1: when those who wait now should
//! have had their turn), `Cache-Control: no-store`, [`Overloaded`] and [`Refused`](crate::Refused).
//!
//! # Examples
//! Around a client, with defaults:
//! ```
//! use integridai_tower::client::limit::{ConcurrencyLimitLayer, LimitOptions, OverloadedError};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limit = LimitOptions::adaptive().build("billing")?;
//! let service = ServiceBuilder::new()
//!     .layer(ConcurrencyLimitLayer::new(limit.clone()))
//!     .service(service_fn(async |_: http::Request<()>| Ok::<_, std::io::Error>(http::Response::new(()))));
//!
//! match service.oneshot(http::Request::new(())).await {
//!     Ok(response) => assert_eq!(response.status(), 200),
//!     Err(OverloadedError::Overloaded(overloaded)) => println!("again in {:?}", overloaded.retry_after),
//!     Err(error) => return Err(error.into()),
//! }
//! assert_eq!(limit.snapshot().admitted, 1);
//! # Ok(())
//! # }
//! ```
//! In front of a route, tuned:
//! ```
//! use std::{convert::Infallible, time::Duration};
//! use integridai_tower::Priority;
//! use integridai_tower::client::limit::{ConcurrencyLimitDoorLayer, LimitOptions};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limit = LimitOptions::adaptive()
//!     .initial(8)
//!     .min(2)
//!     .max(64)
//!     .tolerance(2.0)
//!     .window(Duration::from_millis(500), 20)
//!     .max_queued(32)
//!     .max_wait(Duration::from_millis(250))
//!     .build("reports")?;
//! let service = ServiceBuilder::new()
//!     .layer(ConcurrencyLimitDoorLayer::new(limit))
//!     .service(service_fn(async |_: http::Request<()>| Ok::<_, Infallible>(http::Response::new(String::new()))));
//!
//! let mut request = http::Request::new(());
//! request.extensions_mut().insert(Priority::Low);
//! assert_eq!(service.oneshot(request).await?.status(), 200);
//! # Ok(())
//! # }
//! ```

mod concurrency;
mod door;
mod error;
mod gradient;
mod layer;
mod options;
mod passage;
mod permit;
mod place;
mod room;

use std::pin::Pin;

pub use concurrency::{ConcurrencyLimit, LimitSnapshot};
pub use door::{ConcurrencyLimitDoor, ConcurrencyLimitDoorLayer, DoorFuture};
pub use error::{Cause, Overloaded, OverloadedError};
pub use layer::{ConcurrencyLimitLayer, ConcurrencyLimited, ResponseFuture};
pub use options::LimitOptions;
pub use permit::Permit;

#[cfg(doc)]
use crate::{Deadline, Priority};

/// Whose turn comes when it comes.
type Turn = Pin<Box<dyn Future<Output = Result<Permit, Overloaded>> + Send>>;

#[cfg(test)]
mod tests;
