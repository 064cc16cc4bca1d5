//! The only place that names concrete layers and transports: towards clients, and towards services.

mod access;
mod boxed;
mod door;
mod edge;
mod host;
mod upstream;

pub use access::Access;
pub use boxed::Transport;
pub use edge::edge;
pub use upstream::Clients;
