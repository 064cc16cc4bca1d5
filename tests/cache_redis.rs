//! Responses that replicas share, over real Redis servers of the tests' own.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod support;

#[path = "cache_redis/foreign.rs"]
mod foreign;
#[path = "cache_redis/origin.rs"]
mod origin;
#[path = "cache_redis/outage.rs"]
mod outage;
#[path = "cache_redis/purges.rs"]
mod purges;
#[path = "cache_redis/races.rs"]
mod races;
#[path = "cache_redis/replica.rs"]
mod replica;
#[path = "cache_redis/sharing.rs"]
mod sharing;
#[path = "cache_redis/wire.rs"]
mod wire;
