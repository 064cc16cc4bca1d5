//! Limits that replicas share, over real Redis servers of the tests' own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "in a test, a panic is the report, and figures are shown"
)]

mod support;

#[path = "rate_limit_redis/alike.rs"]
mod alike;
#[path = "rate_limit_redis/keys.rs"]
mod keys;
#[path = "rate_limit_redis/leases.rs"]
mod leases;
#[path = "rate_limit_redis/outage.rs"]
mod outage;
#[path = "rate_limit_redis/replica.rs"]
mod replica;
#[path = "rate_limit_redis/replicas.rs"]
mod replicas;
#[path = "rate_limit_redis/returned.rs"]
mod returned;
#[path = "rate_limit_redis/until.rs"]
mod until;
