//! `[server]`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::rate_limits::networks;
use super::{ConfigError, Count, RedirectConfig, Seconds, SecurityHeadersConfig, TlsConfig};

/// The listener and its limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port; loopback unless told otherwise.
    pub listen: SocketAddr,
    /// Who accepts connections and serves them.
    pub runtime: RuntimeKind,
    /// Whether other processes may listen at the same address (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Names that clients may call the gateway by; addresses and `localhost` always work. None: on loopback no other
    /// name, elsewhere every name.
    pub allowed_hosts: Vec<String>,
    /// How long a drain may take before what is left is aborted.
    pub grace_seconds: Seconds,
    /// How long a drain waits for idle connections of HTTP/1 to ask once more, and to be told that this was the last.
    pub linger_seconds: Seconds,
    /// How long a client may take to send a request's head.
    pub header_read_timeout_seconds: Seconds,
    /// How long a connection of HTTP/1 may wait for its next request; at least as long as a head may take.
    pub idle_timeout_seconds: Seconds,
    /// How long a client may take to send the first of a request's body, once it is wanted.
    pub body_first_byte_timeout_seconds: Seconds,
    /// How many bytes of a body a client has to send in each second that is waited for them, on average over a window.
    pub min_body_bytes_per_second: Count,
    /// That window.
    pub body_rate_window_seconds: Seconds,
    /// How long a client may take no byte of an answer.
    pub write_stall_timeout_seconds: Seconds,
    /// How long any request may take, upgrades aside.
    pub request_timeout_seconds: Seconds,
    /// Connections at once; one more is answered 503 and closed.
    pub max_connections: Count,
    /// Requests of one connection, after which it is closed in order.
    pub max_requests_per_connection: Count,
    /// Requests that a client may give up before their answer, as long as they are more than half of its connection's.
    pub max_abandoned_requests: Count,
    /// Requests at once on one connection of HTTP/2.
    pub http2_max_concurrent_streams: Count,
    /// Streams of one connection that were reset before they were looked at.
    pub http2_max_pending_reset_streams: Count,
    /// Streams of one connection that break the protocol.
    pub http2_max_faulty_streams: Count,
    /// Bytes that wait to be sent on one stream of HTTP/2.
    pub http2_max_send_buffer_bytes: Count,
    /// The greatest size of a request's head in bytes.
    pub max_header_bytes: Count,
    /// The most header fields of a request.
    pub max_headers: Count,
    /// The most bytes of a request's path and query.
    pub max_uri_bytes: Count,
    /// The greatest size of a request's body in bytes.
    pub max_body_bytes: Count,
    /// Networks of proxies that begin with the PROXY protocol; none: nobody does.
    #[serde(deserialize_with = "networks")]
    pub proxy_protocol_from: Vec<String>,
    /// TLS for clients.
    pub tls: TlsConfig,
    /// Where those who come without are sent.
    pub redirect: RedirectConfig,
    /// What browsers are told.
    pub security_headers: SecurityHeadersConfig,
}

/// Who accepts connections and serves them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeKind {
    /// One listener; all threads share all work.
    #[default]
    MultiThread,
    /// On each core one thread with a listener of its own, that keeps what it accepts.
    PerCore,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3002),
            runtime: RuntimeKind::default(),
            reuse_port: false,
            allowed_hosts: Vec::new(),
            grace_seconds: Seconds::new(20),
            linger_seconds: Seconds::from_millis(500),
            header_read_timeout_seconds: Seconds::new(10),
            idle_timeout_seconds: Seconds::new(60),
            body_first_byte_timeout_seconds: Seconds::new(30),
            min_body_bytes_per_second: Count::new(240),
            body_rate_window_seconds: Seconds::new(10),
            write_stall_timeout_seconds: Seconds::new(30),
            request_timeout_seconds: Seconds::new(150),
            max_connections: Count::new(10_000),
            max_requests_per_connection: Count::new(10_000),
            max_abandoned_requests: Count::new(200),
            http2_max_concurrent_streams: Count::new(250),
            http2_max_pending_reset_streams: Count::new(20),
            http2_max_faulty_streams: Count::new(100),
            http2_max_send_buffer_bytes: Count::new(64 * 1024),
            max_header_bytes: Count::new(32 * 1024),
            max_headers: Count::new(100),
            max_uri_bytes: Count::new(8 * 1024),
            max_body_bytes: Count::new(1024 * 1024),
            proxy_protocol_from: Vec::new(),
            tls: TlsConfig::default(),
            redirect: RedirectConfig::default(),
            security_headers: SecurityHeadersConfig::default(),
        }
    }
}

impl ServerConfig {
    /// Whether the values can be meant.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let most = [
            ("server.max_headers", self.max_headers, 10_000, "at most 10000"),
            ("server.max_header_bytes", self.max_header_bytes, 1024 * 1024, "at most 1 MiB"),
            ("server.max_uri_bytes", self.max_uri_bytes, 65_534, "at most 65534"),
            (
                "server.http2_max_concurrent_streams",
                self.http2_max_concurrent_streams,
                10_000,
                "at most 10000",
            ),
            (
                "server.http2_max_pending_reset_streams",
                self.http2_max_pending_reset_streams,
                1_000,
                "at most 1000",
            ),
            ("server.http2_max_faulty_streams", self.http2_max_faulty_streams, 10_000, "at most 10000"),
            (
                "server.http2_max_send_buffer_bytes",
                self.http2_max_send_buffer_bytes,
                16 * 1024 * 1024,
                "at most 16 MiB",
            ),
        ];
        match most.into_iter().find(|(_, value, most, _)| value.get() > *most) {
            Some((key, .., reason)) => Err(ConfigError::Contradiction { keys: key.into(), reason }),
            None => {
                self.tls.check()?;
                self.redirect.check(self)
            }
        }
    }

    /// The same for a listener that few call, with little to say.
    #[must_use]
    pub fn for_operators(&self, listen: SocketAddr) -> Self {
        Self {
            listen,
            max_connections: self.max_connections.min(Count::new(64)),
            max_body_bytes: self.max_body_bytes.min(Count::new(16 * 1024)),
            proxy_protocol_from: Vec::new(),
            ..self.clone()
        }
    }
}
