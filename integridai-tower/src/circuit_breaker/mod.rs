//! No calls to a service that keeps failing, until it is back.

mod choose;
mod circuit;
mod circuits;
mod classify;
mod door;
mod error;
mod layer;
mod machine;
mod options;
mod outcome;
mod permit;
mod state;
mod sync;
mod window;

pub use circuit::{Circuit, CircuitOpen, Snapshot};
pub use circuits::Circuits;
pub use classify::{Classify, ClassifyHttp};
pub use door::{CircuitBreakerDoor, CircuitBreakerDoorLayer, DoorFuture};
pub use error::CircuitBreakerError;
pub use layer::{CircuitBreaker, CircuitBreakerLayer, ResponseFuture};
pub use options::{CircuitOptions, Dropped};
pub use outcome::Outcome;
pub use permit::Permit;
pub use state::{Cause, State, Transition};
pub use window::{Counts, Lookback};

#[cfg(test)]
mod tests;
