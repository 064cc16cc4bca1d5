//! The only place that names concrete layers and transports: towards clients, and towards services.

mod access;
mod boxed;
mod door;
mod edge;
mod host;
mod mint;
mod upstream;

pub use access::Access;
pub use boxed::Transport;
pub use edge::edge;
pub use mint::{Grant, MintedKey, demo_credentials, mint_api_key, mint_token};
pub use upstream::Clients;
