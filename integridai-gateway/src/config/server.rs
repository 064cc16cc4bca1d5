//! `[server]`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{Count, Seconds};

/// The listener and its limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port; loopback unless told otherwise.
    pub listen: SocketAddr,
    /// Names that clients may call the gateway by; addresses and `localhost` always work. None: on loopback no other
    /// name, elsewhere every name.
    pub allowed_hosts: Vec<String>,
    /// How long a drain may take before what is left is aborted.
    pub grace_seconds: Seconds,
    /// How long a client may take to send a request's head.
    pub header_read_timeout_seconds: Seconds,
    /// How long any request may take, upgrades aside.
    pub request_timeout_seconds: Seconds,
    /// Connections at once; one more is answered 503 and closed.
    pub max_connections: Count,
    /// The greatest size of a request's head in bytes.
    pub max_header_bytes: Count,
    /// The most header fields of a request.
    pub max_headers: Count,
    /// The greatest size of a request's body in bytes.
    pub max_body_bytes: Count,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3002),
            allowed_hosts: Vec::new(),
            grace_seconds: Seconds::new(20),
            header_read_timeout_seconds: Seconds::new(10),
            request_timeout_seconds: Seconds::new(150),
            max_connections: Count::new(10_000),
            max_header_bytes: Count::new(32 * 1024),
            max_headers: Count::new(100),
            max_body_bytes: Count::new(1024 * 1024),
        }
    }
}

impl ServerConfig {
    /// The same for a listener that few call, with little to say.
    #[must_use]
    pub fn for_operators(&self, listen: SocketAddr) -> Self {
        Self {
            listen,
            max_connections: self.max_connections.min(Count::new(64)),
            max_body_bytes: self.max_body_bytes.min(Count::new(16 * 1024)),
            ..self.clone()
        }
    }
}
