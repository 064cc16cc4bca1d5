//! Who asks.

mod authenticate;
mod reason;

pub use authenticate::{Attempt, Authenticate, Decision};
pub use reason::Reason;
