//! Tower layers and clients for HTTP services, made for production: bounded, cancellable, typed errors, no
//! global state, no background tasks.
//!
//! | module | feature | what it does |
//! | --- | --- | --- |
//! | [`auth`] | `auth` | who asks: JWT, API keys, scopes and roles; what services and clients are told of it |
//! | [`cache`] | `cache`, `cache-redis` | what need not be asked again: a cache by RFC 9111, of one client, of many, or of all replicas |
//! | [`circuit_breaker`] | `circuit-breaker` | no calls to a service that keeps failing, until it is back |
//! | [`client`] | `client` | typed calls to an upstream service over any Tower service |
//! | [`client::deadline`], [`client::retry`], [`client::hedge`] | `client` | time for each attempt, repetitions on a budget, a second attempt of what is slow |
//! | [`client::balance`] | `client` | several addresses of one service: the better of two, health checks, outlier ejection |
//! | [`client::limit`] | `client` | so many calls of a service at once as it takes, found by the gradient or fixed |
//! | [`client::transport`] | `client-hyper`, `client-reqwest` | the connections below a client |
//! | [`client::integridai`] | `integridai` | clients of RegTech Engine, FLAISimulator and Dashboard |
//! | [`metrics`](mod@metrics) | `metrics` | what the layers refuse, the cache does and how branches went, with the `metrics` facade |
//! | [`correlation`] | `correlation` | which request it is: correlation ids, W3C Trace Context and Baggage |
//! | [`fan_out`] | `fan-out` | several services at the same time, and one answer |
//! | [`observe`] | `observe` | one record per HTTP exchange for logs, metrics and audit tables |
//! | [`rate_limit`] | `rate-limit`, `rate-limit-redis` | how often somebody may ask, here or over all replicas |
//!
//! No feature is on by default; `full` turns all of them on.
//!
//! Layers meet through the types of the root modules only: [`CorrelationId`] says which request it is,
//! [`Principal`] who asks, [`Deadline`] how long it may still take, [`Priority`] how urgent it is, [`Refused`] which
//! layer did not let it through, [`BranchOutcomes`] how those went that an answer is made of.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "full"), allow(dead_code, unreachable_pub, unused_imports))]

mod correlation_id;
mod error;

#[cfg(any(feature = "client", feature = "fan-out"))]
mod attempts;
#[cfg(any(feature = "fan-out", feature = "metrics"))]
mod branch_outcome;
#[cfg(any(feature = "cache", feature = "metrics"))]
mod cache_outcome;
#[cfg(any(feature = "auth", feature = "cache", feature = "circuit-breaker", feature = "rate-limit"))]
mod clock;
#[cfg(any(feature = "client", feature = "fan-out"))]
mod deadline;
#[cfg(any(feature = "auth", feature = "circuit-breaker", feature = "client", feature = "rate-limit"))]
mod early_response;
#[cfg(any(feature = "auth", feature = "cache", feature = "circuit-breaker", feature = "rate-limit"))]
mod principal;
#[cfg(feature = "client")]
mod priority;
#[cfg(any(
    feature = "auth",
    feature = "cache",
    feature = "circuit-breaker",
    feature = "client",
    feature = "fan-out",
    feature = "rate-limit"
))]
mod readiness;
#[cfg(any(
    feature = "auth",
    feature = "cache",
    feature = "circuit-breaker",
    feature = "client",
    feature = "fan-out",
    feature = "metrics",
    feature = "rate-limit"
))]
mod refused;
#[cfg(any(
    feature = "auth",
    feature = "circuit-breaker",
    feature = "client",
    feature = "fan-out",
    feature = "rate-limit"
))]
mod reject;
#[cfg(any(feature = "circuit-breaker", feature = "client"))]
mod retry_after;
#[cfg(any(feature = "circuit-breaker", feature = "client"))]
mod transport_error;

#[cfg(feature = "auth")]
pub mod auth;
#[cfg(feature = "cache")]
pub mod cache;
#[cfg(feature = "circuit-breaker")]
pub mod circuit_breaker;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "correlation")]
pub mod correlation;
#[cfg(feature = "fan-out")]
pub mod fan_out;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "observe")]
pub mod observe;
#[cfg(feature = "rate-limit")]
pub mod rate_limit;

#[cfg(any(feature = "client", feature = "fan-out"))]
pub use attempts::Attempts;
#[cfg(any(feature = "fan-out", feature = "metrics"))]
pub use branch_outcome::{BranchEnd, BranchOutcome, BranchOutcomes};
#[cfg(any(feature = "auth", feature = "cache", feature = "circuit-breaker", feature = "rate-limit"))]
pub use clock::Clock;
pub use correlation_id::{CorrelationId, InvalidCorrelationId};
#[cfg(any(feature = "client", feature = "fan-out"))]
pub use deadline::Deadline;
#[cfg(any(feature = "auth", feature = "circuit-breaker", feature = "client", feature = "rate-limit"))]
pub use early_response::{EarlyBody, EarlyResponse};
pub use error::{BoxError, ConfigError};
#[cfg(any(feature = "auth", feature = "cache", feature = "circuit-breaker", feature = "rate-limit"))]
pub use principal::{Principal, PrincipalBuilder, PrincipalKind};
#[cfg(feature = "client")]
pub use priority::Priority;
#[cfg(any(
    feature = "auth",
    feature = "cache",
    feature = "circuit-breaker",
    feature = "client",
    feature = "fan-out",
    feature = "metrics",
    feature = "rate-limit"
))]
pub use refused::{Refused, WouldRefuse};
#[cfg(any(
    feature = "auth",
    feature = "circuit-breaker",
    feature = "client",
    feature = "fan-out",
    feature = "rate-limit"
))]
pub use reject::{ProblemJson, Refusal, Reject};

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
