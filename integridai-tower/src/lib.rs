//! Tower layers and clients for HTTP services, made for production: bounded, cancellable, typed errors, no
//! global state, no background tasks.
//!
//! | module | feature | what it does |
//! | --- | --- | --- |
//! | [`auth`] | `auth` | who asks: JWT, API keys, scopes and roles; what services and clients are told of it |
//! | [`client`] | `client` | typed calls to an upstream service over any Tower service |
//! | [`client::transport`] | `client-hyper`, `client-reqwest` | the connections below a client |
//! | [`client::integridai`] | `integridai` | clients of RegTech Engine, FLAISimulator and Dashboard |
//! | [`metrics`](mod@metrics) | `metrics` | what the layers refuse, counted with the `metrics` facade |
//! | [`correlation`] | `correlation` | which request it is: correlation ids, W3C Trace Context and Baggage |
//! | [`observe`] | `observe` | one record per HTTP exchange for logs, metrics and audit tables |
//!
//! No feature is on by default; `full` turns all of them on.
//!
//! Layers meet through the types of the root modules only: [`CorrelationId`] says which request it is,
//! [`Principal`] who asks, [`Deadline`] how long it may still take, [`Refused`] which layer did not let it through.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports))]

mod correlation_id;
mod error;

#[cfg(feature = "auth")]
mod clock;
#[cfg(feature = "client")]
mod deadline;
#[cfg(feature = "auth")]
mod early_response;
#[cfg(feature = "auth")]
mod principal;
#[cfg(feature = "auth")]
mod readiness;
#[cfg(any(feature = "auth", feature = "metrics"))]
mod refused;
#[cfg(feature = "auth")]
mod reject;

#[cfg(feature = "auth")]
pub mod auth;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "correlation")]
pub mod correlation;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "observe")]
pub mod observe;

#[cfg(feature = "auth")]
pub use clock::Clock;
pub use correlation_id::{CorrelationId, InvalidCorrelationId};
#[cfg(feature = "client")]
pub use deadline::Deadline;
#[cfg(feature = "auth")]
pub use early_response::{EarlyBody, EarlyResponse};
pub use error::{BoxError, ConfigError};
#[cfg(feature = "auth")]
pub use principal::{Principal, PrincipalBuilder, PrincipalKind};
#[cfg(any(feature = "auth", feature = "metrics"))]
pub use refused::Refused;
#[cfg(feature = "auth")]
pub use reject::{ProblemJson, Refusal, Reject};

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
