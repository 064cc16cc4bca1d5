//! Typed calls to an upstream HTTP service, over any Tower service.
//!
//! An [`Endpoint`] says what one call sends and how its answer is read; a [`ServiceClient`] sends it through a
//! Tower service of yours, bounds the time and the size of the answer, and turns every failure into a
//! [`ClientError`] that says [who failed](ClientError::fault) and [whether the call may be
//! repeated](ClientError::retry).
//!
//! What it does not do: it never repeats a call by itself, keeps no state between calls and opens no connection.
//! Connections are the [`transport`]'s; layers around it make it resilient.
//!
//! A dropped call is a cancelled call: the transport's future is dropped with it.
//!
//! # The layers, from the outside in
//!
//! Each is of use alone, and around any Tower service of `http` requests. Together they stand in this order:
//!
//! | layer | why there |
//! | --- | --- |
//! | [`DeadlineLayer`](deadline::DeadlineLayer) for the whole, [without fields](deadline::DeadlineLayer::without_fields) | the time is for all attempts and the pauses between them; all below know the [`Deadline`](crate::Deadline) |
//! | `correlation`'s `PropagateLayer` | all attempts are of one call |
//! | [`RetryLayer`](retry::RetryLayer) | repeats what all below could not save, and stops where the circuit is open |
//! | [`HedgeLayer`](hedge::HedgeLayer) | two attempts at once count as one try |
//! | `circuit_breaker`'s `CircuitBreakerLayer` | sees each attempt, and refuses it before it waits for anything |
//! | [`DeadlineLayer`](deadline::DeadlineLayer) for one attempt | one that hangs counts as failed for the circuit, and leaves time for the next; tells the service what is left |
//! | [`ConcurrencyLimitLayer`](limit::ConcurrencyLimitLayer) | an attempt waits for its turn within its time |
//! | [`Balance`](balance::Balance) | each attempt chooses anew, a second one of two elsewhere |
//! | a [`transport`] | |
//!
//! Layers that fail by themselves do so with errors that have the inner service's error among their
//! [sources](std::error::Error::source), or [`Refused`](crate::Refused) where they did not call it: so that each layer further out,
//! and [`ClientError`], can tell what happened, however many there are in between.
//!
//! ```
//! # #[cfg(all(feature = "client-hyper", feature = "circuit-breaker"))]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use integridai_tower::circuit_breaker::{CircuitBreakerLayer, CircuitOptions};
//! use integridai_tower::client::deadline::DeadlineLayer;
//! use integridai_tower::client::hedge::HedgeLayer;
//! use integridai_tower::client::retry::RetryLayer;
//! use integridai_tower::client::transport::HyperTransport;
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! let client = ServiceBuilder::new()
//!     .layer(DeadlineLayer::new(Duration::from_secs(3)).without_fields())
//!     .layer(RetryLayer::default())
//!     .layer(HedgeLayer::default())
//!     .layer(CircuitBreakerLayer::new(CircuitOptions::new().build("billing")?))
//!     .layer(DeadlineLayer::new(Duration::from_secs(1)))
//!     .service(HyperTransport::new());
//! let request = http::Request::get("http://billing.internal/version").body(Full::<bytes::Bytes>::default())?;
//! let response = client.oneshot(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # With defaults
//!
//! ```
//! # #[cfg(feature = "client-hyper")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use integridai_tower::client::{Endpoint, Malformed, ServiceClient, transport::HyperTransport};
//!
//! /// `GET /version`, answered with plain text.
//! struct Version;
//!
//! impl Endpoint for Version {
//!     type Output = String;
//!     const NAME: &'static str = "version";
//!
//!     fn path(&self) -> std::borrow::Cow<'_, str> {
//!         "/version".into()
//!     }
//!
//!     fn decode(&self, body: bytes::Bytes) -> Result<String, Malformed> {
//!         String::from_utf8(body.to_vec()).map_err(Malformed::new)
//!     }
//! }
//!
//! let client = ServiceClient::new("billing", "http://localhost:8080", HyperTransport::new())?;
//! let version = client.call(Version).send().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Tuned
//!
//! Any Tower service can stand below, here a closure; each call may carry a deadline, a correlation id and an
//! idempotency key.
//!
//! ```
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! # use integridai_tower::client::{Endpoint, Malformed, ServiceClient};
//! # struct Version;
//! # impl Endpoint for Version {
//! #     type Output = String;
//! #     const NAME: &'static str = "version";
//! #     fn path(&self) -> std::borrow::Cow<'_, str> { "/version".into() }
//! #     fn decode(&self, body: bytes::Bytes) -> Result<String, Malformed> {
//! #         String::from_utf8(body.to_vec()).map_err(Malformed::new)
//! #     }
//! # }
//! use std::time::Duration;
//! use http_body_util::Full;
//! use integridai_tower::{CorrelationId, Deadline};
//!
//! let service = tower::service_fn(|_request: http::Request<Full<bytes::Bytes>>| async {
//!     Ok::<_, std::convert::Infallible>(http::Response::new(Full::<bytes::Bytes>::from("1.4.0")))
//! });
//! let client = ServiceClient::new("billing", "http://billing.internal/api", service)?
//!     .timeout(Duration::from_secs(2))
//!     .max_response_bytes(64 * 1024);
//!
//! let version = client
//!     .call(Version)
//!     .deadline(Deadline::after(Duration::from_millis(500)))
//!     .correlation_id(&CorrelationId::generate())
//!     .send()
//!     .await?;
//! assert_eq!(version, "1.4.0");
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(run()).unwrap();
//! ```
//!
//! # Headers
//!
//! | written | when |
//! | --- | --- |
//! | `Accept: application/json` | always |
//! | `Content-Type: application/json` | the endpoint has a body |
//! | `X-Correlation-ID` | [`Call::correlation_id`] |
//! | `Idempotency-Key` | [`Call::idempotency_key`] |
//! | yours | [`ServiceClient::header`] |
//!
//! `Retry-After` (RFC 9110 §10.2.3), in seconds or as a date, is read from refusals, up to an hour. A request's extensions hold
//! its [`Deadline`](crate::Deadline), for the layers below.

mod answer;
mod attempt;
pub mod balance;
mod budget;
mod call;
mod cause;
mod classify;
pub mod deadline;
mod endpoint;
mod error;
pub mod hedge;
#[cfg(feature = "integridai")]
pub mod integridai;
pub mod limit;
mod replay;
pub mod retry;
mod service_client;
pub mod transport;

pub use attempt::{AttemptOutcome, ClassifyAttempt, ClassifyHttpAttempt};
pub use budget::AttemptBudget;
pub use call::{Call, IDEMPOTENCY_KEY};
pub use classify::{Classify, ClassifyHttp, Outcome};
pub use endpoint::{Endpoint, Malformed, Refusal};
pub use error::{ClientError, ErrorKind, Fault, Retry};
pub use replay::{Once, Replay};
pub use service_client::ServiceClient;
