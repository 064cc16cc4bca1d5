//! The library through its public API: clients over a probe, over real sockets and against the simulated services,
//! with both transports, and the layers over a probe.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod support;

#[path = "library/auth.rs"]
mod auth;
#[path = "library/auth_api_keys.rs"]
mod auth_api_keys;
#[path = "library/auth_contract.rs"]
mod auth_contract;
#[path = "library/auth_identity.rs"]
mod auth_identity;
#[path = "library/auth_refusals.rs"]
mod auth_refusals;
#[path = "library/balance/mod.rs"]
mod balance;
#[path = "library/cache/mod.rs"]
mod cache;
#[path = "library/calls.rs"]
mod calls;
#[path = "library/circuit_breaker/mod.rs"]
mod circuit_breaker;
#[path = "library/concurrency_limit/mod.rs"]
mod concurrency_limit;
#[path = "library/correlation.rs"]
mod correlation;
#[path = "library/correlation_span.rs"]
mod correlation_span;
#[path = "library/decoding.rs"]
mod decoding;
#[path = "library/endpoint.rs"]
mod endpoint;
#[path = "library/failures.rs"]
mod failures;
#[path = "library/fan_out/mod.rs"]
mod fan_out;
#[path = "library/jwt/mod.rs"]
mod jwt;
#[path = "library/key_server.rs"]
mod key_server;
#[path = "library/limits.rs"]
mod limits;
#[path = "library/metrics.rs"]
mod metrics;
#[path = "library/observe.rs"]
mod observe;
#[path = "library/peer.rs"]
mod peer;
#[path = "library/propagate.rs"]
mod propagate;
#[path = "library/rate_limit/mod.rs"]
mod rate_limit;
#[path = "library/remote_keys.rs"]
mod remote_keys;
#[path = "library/requests.rs"]
mod requests;
#[path = "library/resilient/mod.rs"]
mod resilient;
#[path = "library/services.rs"]
mod services;
#[path = "library/streams.rs"]
mod streams;
#[path = "library/tokens.rs"]
mod tokens;
#[path = "library/trace_context.rs"]
mod trace_context;
#[path = "library/trace_context_suite.rs"]
mod trace_context_suite;
#[path = "library/transport.rs"]
mod transport;
#[path = "library/wire.rs"]
mod wire;
