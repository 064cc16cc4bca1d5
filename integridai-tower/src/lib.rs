//! Tower layers and clients for HTTP services, made for production: bounded, cancellable, typed errors, no
//! global state, no background tasks.
//!
//! | module | feature | what it does |
//! | --- | --- | --- |
//! | [`client`] | `client` | typed calls to an upstream service over any Tower service |
//! | [`client::transport`] | `client-hyper`, `client-reqwest` | the connections below a client |
//! | [`client::integridai`] | `integridai` | clients of RegTech Engine, FLAISimulator and Dashboard |
//! | [`observe`] | `observe` | one record per HTTP exchange for logs, metrics and audit tables |
//!
//! No feature is on by default; `full` turns all of them on.
//!
//! Layers meet through the types of the root modules only: [`CorrelationId`] says which request it is,
//! [`Deadline`] how long it may still take.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports))]

mod correlation_id;
mod error;

#[cfg(feature = "client")]
mod deadline;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "observe")]
pub mod observe;

pub use correlation_id::{CorrelationId, InvalidCorrelationId};
#[cfg(feature = "client")]
pub use deadline::Deadline;
pub use error::{BoxError, ConfigError};

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
