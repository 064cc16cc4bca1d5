//! Several addresses of one service: each call goes to the better of two.
//!
//! A [`Balancer`] knows the addresses, what each has to do, how long it takes and how it stands; [`Balance`] is the service to
//! call by. One address behaves as the service that stands there alone: the same answers, the same errors, nothing refused.
//!
//! # Which address
//! Two are taken at random, and the one that costs less gets the call (the power of two choices): close to the best, and many
//! clients do not all run to the same one. [`Load`] says what costs: calls under way times how long they take, at worst and as of
//! late ([`Load::PeakEwma`], from Finagle), or calls under way alone. A call that fails, or that a circuit or a limit of its address
//! refuses, counts as a long one, since what fails at once would draw all calls otherwise; one that is given up has taken at least
//! that long. An address that is not ready is not waited for while another is. A second call while the first is under way goes
//! elsewhere, where all else is the same: that is what hedging needs.
//!
//! # Which address not
//! - **Outliers** are ejected for a while, longer each time that it happens again soon (Envoy's outlier detection): after failures
//!   in a row, or for a rate of success far below that of the others. At most a share of them, and never all.
//! - **Unhealthy** ones are found by [`Balancer::check_health`], a future that asks each address in turns.
//! - Where too few are left, all are used ([`BalanceOptions::panic_below`]): what is broken for all is no reason to call nobody.
//!
//! # What it does not do
//! It does not look up names: whoever does calls [`Balancer::update`]. It does not repeat a call elsewhere: put retries and hedging
//! outside, so that each try chooses anew. It has no timeout: put one inside of it, in the service of each address, or say
//! [`given_up_after`](BalanceOptions::given_up_after). A call ends with the head of its response.
//!
//! # Headers and extensions
//! Reads [`Refused`](crate::Refused) of the response. [`AtAddress`] writes `Host`, where there is none.
//!
//! # Examples
//! Three addresses over one transport:
//! ```
//! # #[cfg(feature = "client-hyper")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use http::uri::Authority;
//! use integridai_tower::client::balance::{AtAddress, BalanceOptions};
//! use integridai_tower::client::{ServiceClient, transport::HyperTransport};
//!
//! let transport = HyperTransport::new();
//! let addresses = ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"].map(Authority::from_static);
//! let balancer = BalanceOptions::new()
//!     .build("billing", addresses, move |address| AtAddress::new(transport.clone(), address.clone()))?;
//! let client = ServiceClient::new("billing", "http://billing", balancer.service())?;
//! # let _ = client;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "client-hyper"))]
//! # fn main() {}
//! ```
//! Tuned, with health checks, and a circuit of its own for each address:
//! ```
//! # #[cfg(feature = "circuit-breaker")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use http::{Request, Response};
//! use integridai_tower::circuit_breaker::{CircuitBreakerLayer, CircuitOptions, Circuits};
//! use integridai_tower::client::balance::{BalanceOptions, HealthOptions};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! let circuits = Circuits::new(CircuitOptions::new(), 100)?;
//! let balancer = BalanceOptions::new()
//!     .decay(Duration::from_secs(5))
//!     .consecutive_failures(3)
//!     .eject_for(Duration::from_secs(5))
//!     .eject_at_most(0.34)
//!     .panic_below(0.5)
//!     .build("billing", ["a", "b", "c"], move |address| {
//!         let address = *address;
//!         let breaker = CircuitBreakerLayer::by(circuits.clone(), move |_: &Request<String>| Some(address.to_owned()));
//!         breaker.layer(service_fn(async move |_: Request<String>| Ok::<_, std::io::Error>(Response::new(address.to_owned()))))
//!     })?;
//! let checks = balancer.check_health(
//!     HealthOptions::new().interval(Duration::from_secs(5)).timeout(Duration::from_secs(1)),
//!     |_address| Request::get("/health").body(String::new()).expect("a path is a target"),
//! )?;
//! let checks = tokio::spawn(checks);
//!
//! let response = balancer.service().oneshot(Request::new(String::new())).await?;
//! assert_eq!(balancer.snapshot().iter().map(|address| address.calls).sum::<u64>(), 1);
//! # let _ = (checks, response);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "circuit-breaker"))]
//! # fn main() {}
//! ```

mod at_address;
mod balancer;
mod check;
mod choose;
mod ewma;
mod health;
mod options;
mod outliers;
mod service;
mod standing;
mod underway;

pub use at_address::AtAddress;
pub use balancer::{AddressSnapshot, AddressState, Balancer};
pub use check::{CheckHealth, HealthOptions};
pub use options::{BalanceOptions, Load};
pub use service::{Balance, ResponseFuture};

#[cfg(test)]
mod tests;
