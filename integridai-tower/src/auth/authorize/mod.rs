//! What a principal may do.

mod layer;
mod requirement;
mod service;

pub use layer::AuthorizeLayer;
pub use service::Authorized;
