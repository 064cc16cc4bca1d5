//! Another attempt, where it is harmless and worth while.
//!
//! [`RetryLayer`] repeats a call whose attempt failed. Failures are told apart by [`ClassifyAttempt`](super::ClassifyAttempt):
//!
//! | an attempt that | is repeated |
//! | --- | --- |
//! | gave an answer that another would give too, or that a layer refused | never |
//! | failed, with the service having acted or not: 5xx, 408, a connection that broke, a time that passed | when the request may have its effect twice: an idempotent method (RFC 9110 §9.2.2), an `Idempotency-Key`, [`RetryOptions::repeatable`] |
//! | was not processed: no connection, 429 (RFC 6585 §4) | always |
//!
//! A pause comes before each further attempt: any time up to a bound that doubles (exponential back-off with full jitter), on top
//! of what the service asks for in `Retry-After` (seconds or a date). No pause begins after which too little time would be left
//! until the request's [`Deadline`](crate::Deadline): what there is is handed on at once.
//!
//! # The budget
//! [`AttemptBudget`](super::AttemptBudget) bounds the further attempts of all calls together to a share of the calls. Without one,
//! three attempts make a service that fails get three times the load, and stay down. All clones of a layer share theirs; give
//! one budget to all layers that call the same service.
//!
//! # Bodies
//! A request is repeated only if its body can be [replayed](super::Replay), as all that can be cloned are. Streams go into
//! [`Once`](super::Once), and are not repeated.
//!
//! # Headers and extensions
//! | written | on | what |
//! | --- | --- | --- |
//! | `X-Envoy-Attempt-Count` ([`ATTEMPT_COUNT`]) | every attempt | its number, from 1; replaces what was there |
//! | `grpc-previous-rpc-attempts` | further attempts of gRPC | the number of those before it |
//! | [`Attempts`](crate::Attempts) | a response's extensions, after more than one attempt | how many there were |
//!
//! `Retry-After` of responses is read, and [`Deadline`](crate::Deadline) of requests. [`RetryOptions::on_attempt`] hears of each
//! attempt, also of those that end in an error.
//!
//! # What it does not do
//! It does not bound the time of an attempt: put a [`DeadlineLayer`](super::deadline::DeadlineLayer) inside of it, so that one
//! that hangs is one that failed. It does not look at the bodies of responses: one that breaks off is the caller's. An attempt
//! that was dropped with its call is not repeated.
//!
//! # Examples
//! With defaults:
//! ```
//! use http::{Request, Response, StatusCode};
//! use integridai_tower::Attempts;
//! use integridai_tower::client::retry::RetryLayer;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), std::io::Error> {
//! let second_time_lucky = service_fn(async |request: Request<()>| {
//!     let is_first = request.headers()["x-envoy-attempt-count"] == "1";
//!     let mut response = Response::new(());
//!     *response.status_mut() = if is_first { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
//!     Ok::<_, std::io::Error>(response)
//! });
//! let client = RetryLayer::default().layer(second_time_lucky);
//! let response = client.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(Attempts::of(response.extensions()).count(), 2);
//! # Ok(())
//! # }
//! ```
//! Tuned, with a budget that two clients of one service share:
//! ```
//! use std::time::Duration;
//! use http::{Response, StatusCode};
//! use integridai_tower::client::retry::{Decision, RetryOptions};
//! use integridai_tower::client::{AttemptBudget, AttemptOutcome, ClassifyAttempt, ClassifyHttpAttempt};
//!
//! let budget = AttemptBudget::new(0.2, 3, Duration::from_secs(10))?;
//! let options = RetryOptions::new()
//!     .budget(budget)
//!     .backoff(Duration::from_millis(20), Duration::from_millis(500))
//!     .on_attempt(|ended| {
//!         if let Decision::GivenUp(reason) = ended.decision {
//!             println!("attempt {}: {reason:?}", ended.attempt);
//!         }
//!     });
//! let reads = options.clone().build()?;
//! // What this service answers with 404 may be there a moment later.
//! let writes = options.build()?.classify(|result: Result<&Response<String>, &std::io::Error>| match result {
//!     Ok(response) if response.status() == StatusCode::NOT_FOUND => AttemptOutcome::Failed { retry_after: None },
//!     other => ClassifyHttpAttempt.classify(other),
//! });
//! # let _ = (reads, writes);
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

mod attempts;
mod backoff;
mod decision;
mod future;
mod layer;
mod options;
#[cfg(test)]
mod tests;

pub use attempts::ATTEMPT_COUNT;
pub use decision::{Decision, GivenUp};
pub use future::ResponseFuture;
pub use layer::{RetryLayer, RetryService};
pub use options::{AttemptEnded, RetryOptions};
