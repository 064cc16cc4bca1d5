//! The only place that names concrete layers and transports: towards clients, and towards services.

mod access;
mod blame;
mod boxed;
mod cache;
mod certificates;
mod door;
mod edge;
mod host;
mod http2;
mod hygiene;
mod limits;
mod mint;
mod outgoing;
mod pace;
mod progress;
mod proxied;
mod redirect;
mod refused;
mod replicas;
mod resilient;
mod security_headers;
mod upstream;

pub use access::Access;
pub use boxed::{StreamingTransport, Transport, UpstreamBody, UpstreamError};
pub use cache::{Cache, Kept};
pub use edge::{Guards, edge};
pub use limits::{Limits, within};
pub use mint::{Grant, MintedKey, demo_credentials, mint_api_key, mint_token};
pub use outgoing::{ClientBodyError, Outgoing, Pace};
pub use progress::Progress;
pub use proxied::{Around, proxied};
pub use redirect::redirect;
pub use replicas::Replicas;
pub use resilient::{Guard, LeftAlone};
pub use upstream::{Clients, Way};
