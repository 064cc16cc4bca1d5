//! No calls to a service that keeps failing, until it is back.
//!
//! A [`Circuit`] watches how calls end. While too many fail or are slow it is open: calls are refused at once, which spares their
//! callers the wait and the service the load. After a while it lets a few through, and closes when they succeed (Nygard,
//! *Release It!*). [`CircuitBreakerLayer`] goes around a client and fails with an error of its own;
//! [`CircuitBreakerDoorLayer`] goes in front of a route and answers 503. Both may share a circuit. [`Circuits`] keeps one for each
//! key, such as a host. A circuit serves without HTTP too: [`Circuit::admit`].
//!
//! # States
//! | state | calls | next |
//! | --- | --- | --- |
//! | closed | go through and are counted | open: a rate of failures or of slow calls over the lookback, or so many failures in a row |
//! | open | are refused | half open, when the time has passed that it stays open |
//! | half open | so many go through as probes, the rest is refused | closed when all probes succeeded; open, for twice as long, when one fails or hangs |
//! | forced open, forced closed, disabled | as they are called | what somebody says: [`Circuit::reset`] |
//!
//! A call belongs to the state in which it was admitted: how it ends after a transition counts for nothing. A call through a closed
//! circuit takes no lock. Windows slide with each call ([`Lookback::Calls`]) or each sixteenth of their time
//! ([`Lookback::Time`]), in constant memory, and cost the same however much they have seen.
//!
//! # What counts
//! [`ClassifyHttp`], unless told otherwise: errors and 5xx are failures, a client's mistakes and calls that a layer inside did
//! not let through are not. A failure with
//! `Retry-After` that opens the circuit keeps it open for at least that long, within
//! [`retry_after_at_most`](CircuitOptions::retry_after_at_most). A call that is dropped says nothing, or is a failure:
//! [`CircuitOptions::dropped`].
//!
//! # What it does not do
//! It has no timeout: put one inside of it, so that a call that hangs counts as failed. It does not retry: put retries outside of
//! it, so that they stop when it opens. It does not look at the body of a response, nor count one that breaks off.
//!
//! # Headers and extensions
//! Reads `Retry-After` and [`Refused`](crate::Refused) of the response, or of the error. [`CircuitBreakerDoorLayer`] writes, on a refusal,
//! `Retry-After` (whole seconds, at least 1), `Cache-Control: no-store`, [`CircuitOpen`] and [`Refused`](crate::Refused).
//!
//! # Examples
//! Around a client:
//! ```
//! use integridai_tower::circuit_breaker::{CircuitBreakerError, CircuitBreakerLayer, CircuitOptions};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let circuit = CircuitOptions::new().consecutive_failures(5).build("billing")?;
//! let service = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(circuit.clone()))
//!     .service(service_fn(async |_: http::Request<()>| Err::<http::Response<()>, _>(std::io::Error::other("no connection"))));
//!
//! for _ in 0..5 {
//!     let failed = service.clone().oneshot(http::Request::new(())).await;
//!     assert!(matches!(failed, Err(CircuitBreakerError::Inner(_))));
//! }
//! let refused = service.clone().oneshot(http::Request::new(())).await;
//! assert!(matches!(refused, Err(CircuitBreakerError::Open(open)) if open.retry_after.as_secs() >= 29));
//! circuit.reset();
//! # Ok(())
//! # }
//! ```
//! One for each host, over the last hundred calls, with an ear for transitions:
//! ```
//! use std::time::Duration;
//! use integridai_tower::circuit_breaker::{CircuitBreakerLayer, CircuitOptions, Circuits, Dropped, Lookback};
//!
//! let options = CircuitOptions::new()
//!     .lookback(Lookback::Calls(100))
//!     .failure_rate(0.3)
//!     .slow_calls(Duration::from_secs(2), 0.5)
//!     .open_for(Duration::from_secs(10))
//!     .open_for_at_most(Duration::from_secs(120))
//!     .probes(5)
//!     .dropped(Dropped::Failure);
//! let circuits = Circuits::new(options, 1000)?
//!     .on_transition(|transition| println!("{}: {} because of {}", transition.circuit, transition.to.as_str(), transition.cause.as_str()))
//!     .expect("nobody shares them yet");
//! let layer = CircuitBreakerLayer::by(circuits, |request: &http::Request<()>| request.uri().host().map(str::to_owned));
//! # let _ = layer;
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

mod choose;
mod circuit;
mod circuits;
mod classify;
mod door;
mod error;
mod layer;
mod machine;
mod options;
mod outcome;
mod permit;
mod state;
mod sync;
mod window;

pub use circuit::{Circuit, CircuitOpen, Snapshot};
pub use circuits::Circuits;
pub use classify::{Classify, ClassifyHttp};
pub use door::{CircuitBreakerDoor, CircuitBreakerDoorLayer, DoorFuture};
pub use error::CircuitBreakerError;
pub use layer::{CircuitBreaker, CircuitBreakerLayer, ResponseFuture};
pub use options::{CircuitOptions, Dropped};
pub use outcome::Outcome;
pub use permit::Permit;
pub use state::{Cause, State, Transition};
pub use window::{Counts, Lookback};

#[cfg(test)]
mod tests;
