//! The library through its public API: clients over a probe, over real sockets and against the simulated services,
//! with both transports, the observe layer over a probe, and tokens.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod support;

#[path = "library/calls.rs"]
mod calls;
#[path = "library/decoding.rs"]
mod decoding;
#[path = "library/endpoint.rs"]
mod endpoint;
#[path = "library/failures.rs"]
mod failures;
#[path = "library/jwt/mod.rs"]
mod jwt;
#[path = "library/limits.rs"]
mod limits;
#[path = "library/observe.rs"]
mod observe;
#[path = "library/peer.rs"]
mod peer;
#[path = "library/requests.rs"]
mod requests;
#[path = "library/services.rs"]
mod services;
#[path = "library/transport.rs"]
mod transport;
#[path = "library/wire.rs"]
mod wire;
