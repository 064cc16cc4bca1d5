//! How often somebody may ask.

mod admit;
mod fields;
mod key;
mod memory;
mod pace;
mod quota;
mod quotas;
mod verdict;

pub use admit::{Admit, Ask, Attempt};
pub use fields::{Fields, RATE_LIMIT, RATE_LIMIT_POLICY};
pub use key::Key;
pub use memory::{MemoryLimiter, MemoryLimiterOptions, MemoryStatus, WhenFull};
pub use quota::Quota;
pub use quotas::{MAX_QUOTAS, Quotas};
pub use verdict::{Outcome, Standing, Verdict};
