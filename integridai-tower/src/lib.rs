//! Tower layers for HTTP services.
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "observe")]
pub mod observe;
