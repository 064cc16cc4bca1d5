//! `[server.redirect]`

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{ConfigError, ServerConfig};

/// The listener that sends those who come without TLS to where it is spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedirectConfig {
    /// Address and port; without it there is no such listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// The port that clients are sent to; that of `server.listen` unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_port: Option<u16>,
}

impl RedirectConfig {
    /// What `server`, whose part this is, says otherwise.
    pub(super) fn check(&self, server: &ServerConfig) -> Result<(), ConfigError> {
        let Some(listen) = self.listen else { return Ok(()) };
        let rules = [
            (
                !server.tls.is_on(),
                "server.redirect.listen, server.tls.certificates",
                "there is no TLS to send anybody to",
            ),
            (
                server.allowed_hosts.is_empty() && !listen.ip().is_loopback(),
                "server.redirect.listen, server.allowed_hosts",
                "clients are sent to names that are configured, and to no other",
            ),
            (
                listen == server.listen && listen.port() != 0,
                "server.redirect.listen, server.listen",
                "two listeners cannot have one address",
            ),
        ];
        match rules.into_iter().find(|(is_broken, ..)| *is_broken) {
            Some((_, keys, reason)) => Err(ConfigError::Contradiction { keys: keys.into(), reason }),
            None => Ok(()),
        }
    }
}
