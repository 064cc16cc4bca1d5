//! Shared limits that are decided here, of blocks that were taken ahead.

mod account;
mod accounts;
mod exchange;
mod limiter;
mod options;
mod returns;

pub use limiter::LeasedLimiter;
pub use options::LeasedLimiterOptions;
pub use returns::ReturnLeases;
