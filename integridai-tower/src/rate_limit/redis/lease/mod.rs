//! Shared limits that are decided here, of blocks that were taken ahead.

mod account;
mod accounts;
mod limiter;

pub use limiter::{LeasedLimiter, LeasedLimiterOptions, ReturnLeases};
