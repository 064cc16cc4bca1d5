//! How often somebody may ask.

mod admit;
mod charge;
mod door;
mod fields;
mod future;
mod key;
mod key_by;
mod layer;
mod memory;
mod pace;
mod quota;
mod quotas;
mod rate_limited;
mod service;
mod throttle;
mod verdict;

pub use admit::{Admit, Ask, Attempt};
pub use door::WithoutKey;
pub use fields::{Fields, RATE_LIMIT, RATE_LIMIT_POLICY};
pub use future::ResponseFuture;
pub use key::Key;
pub use key_by::{
    Both, ByApiKey, ByClientAddress, ByHeader, ByPrincipal, ByRoute, ByTenant, Either, Forwarding, KeyBy,
};
pub use layer::RateLimitLayer;
pub use memory::{MemoryLimiter, MemoryLimiterOptions, MemoryStatus, WhenFull};
pub use quota::Quota;
pub use quotas::{MAX_QUOTAS, Quotas};
pub use rate_limited::RateLimited;
pub use service::RateLimit;
pub use throttle::{Throttle, ThrottleError, ThrottleFuture, ThrottleLayer};
pub use verdict::{Outcome, Standing, Verdict};
