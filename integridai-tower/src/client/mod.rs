//! Typed calls to an upstream HTTP service, over any Tower service.
//!
//! An [`Endpoint`] says what one call sends and how its answer is read; a [`ServiceClient`] sends it through a
//! Tower service of yours, bounds the time and the size of the answer, and turns every failure into a
//! [`ClientError`] that says [who failed](ClientError::fault) and [whether the call may be
//! repeated](ClientError::retry).
//!
//! What it does not do: it never repeats a call by itself, keeps no state between calls and opens no connection.
//! Connections are the [`transport`]'s; put retries, breakers and limits around the transport as layers.
//!
//! A dropped call is a cancelled call: the transport's future is dropped with it.
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
//! `Retry-After` in seconds (RFC 9110 §10.2.3) is read from refusals, up to an hour; a date there is not.

mod answer;
pub mod balance;
mod call;
mod classify;
mod endpoint;
mod error;
#[cfg(feature = "integridai")]
pub mod integridai;
pub mod limit;
mod service_client;
pub mod transport;

pub use call::{Call, IDEMPOTENCY_KEY};
pub use classify::{Classify, ClassifyHttp, Outcome};
pub use endpoint::{Endpoint, Malformed, Refusal};
pub use error::{ClientError, ErrorKind, Fault, Retry};
pub use service_client::ServiceClient;
