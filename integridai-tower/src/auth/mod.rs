//! Who asks.

mod authenticate;
pub mod jwt;
mod reason;

pub use authenticate::{Attempt, Authenticate, Decision};
pub use reason::Reason;
