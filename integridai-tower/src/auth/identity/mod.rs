//! Who asks, told to the service that is asked.

mod fact;
mod layer;
mod service;

pub use fact::Fact;
pub use layer::ForwardIdentityLayer;
pub use service::IdentityForwarded;
