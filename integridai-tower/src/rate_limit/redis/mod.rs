//! Limits that replicas share through Redis.
//!
//! [`RedisLimiter`] asks Redis for each request, in one round trip that charges all quotas or none, in the time of Redis, with the
//! same verdicts as a [`MemoryLimiter`](super::MemoryLimiter) in one process. Its keys expire when they are back to
//! their full quota, and each is in one slot of a cluster. While Redis does not answer, [`Outage`] says what becomes of requests;
//! nobody waits for it then, and one request at a time finds out whether it is back.
//!
//! [`LeasedLimiter`] takes blocks of the quota ahead and asks Redis only for those.
//!
//! Keys stand in Redis as digests: names, addresses and API keys cannot be read there.
//!
//! ```no_run
//! use integridai_tower::rate_limit::redis::RedisLimiter;
//! use integridai_tower::rate_limit::{ByPrincipal, Quota, RateLimitLayer};
//!
//! let limiter = RedisLimiter::new("redis://127.0.0.1:6379", "api", [Quota::per_minute(600).burst(50)])?;
//! let layer = RateLimitLayer::new(limiter, ByPrincipal::new());
//! # let _ = layer;
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```
//! With a share for each of three replicas while Redis is down, and bounds of yours:
//! ```
//! use std::time::Duration;
//! use integridai_tower::rate_limit::Quota;
//! use integridai_tower::rate_limit::redis::{Outage, RedisLimiterOptions};
//!
//! let limiter = RedisLimiterOptions::new()
//!     .prefix("shop")
//!     .response_timeout(Duration::from_millis(20))
//!     .max_in_flight(10_000)
//!     .on_outage(Outage::Local { replicas: 3 })
//!     .build("redis://127.0.0.1:6379/2", "checkout", [Quota::per_second(100), Quota::per_day(1_000_000)])?;
//! assert!(!limiter.status().is_down);
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

mod lease;
mod limiter;
mod link;
mod options;
mod script;

pub use lease::{LeasedLimiter, LeasedLimiterOptions, ReturnLeases};
pub use limiter::{RedisLimiter, RedisStatus};
pub use options::{Outage, RedisLimiterOptions};
