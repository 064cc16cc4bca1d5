use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;

use super::proxy_protocol::ProxyProtocol;
use super::tally::Bounds;
use super::tls::Tls;

/// The smallest HTTP/1 read buffer that hyper accepts.
const SMALLEST_HEAD_BUFFER: usize = 8 * 1024;

/// The server's bounds. See the [module docs](super) for what each one answers.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// How long a client may take to send a request's head; also how long a new connection may stay silent.
    /// Default 10 s.
    pub header_read_timeout: Duration,
    /// How long an HTTP/1 connection may idle between requests, the next one's head included; at least
    /// `header_read_timeout`. Default 60 s.
    pub idle_timeout: Duration,
    /// The most requests of one connection; with the answer to the last one it is closed in order (HTTP/2: GOAWAY).
    /// Default 10 000.
    pub max_requests_per_connection: u32,
    /// The largest request head in bytes; beyond it 431. Below 8 KiB it counts as 8 KiB on HTTP/1. Default 32 KiB.
    pub max_header_bytes: u32,
    /// The most header lines of an HTTP/1 request; beyond them 431. HTTP/2 counts 32 bytes per header against
    /// `max_header_bytes` instead (RFC 9113 §6.5.2). Default 100.
    pub max_headers: usize,
    /// How long a write may make no progress because the client does not read. Default 30 s.
    pub write_stall_timeout: Duration,
    /// The most connections open at once, upgraded ones included; beyond them 503. Default 10 000.
    pub max_connections: usize,
    /// The most requests in flight on one HTTP/2 connection. Default 250.
    pub http2_max_concurrent_streams: u32,
    /// The most requests that a client may give up before they are answered, as long as those are more than half of all
    /// that it sent; beyond them the connection is cut. Default 200.
    pub max_abandoned_requests: u32,
    /// The most streams of an HTTP/2 connection that are reset before the server has looked at them. Default 20.
    pub http2_max_pending_reset_streams: usize,
    /// The most streams that an HTTP/2 client may have the server reset for what it did wrong; beyond them GOAWAY. Default 100.
    pub http2_max_faulty_streams: usize,
    /// The most bytes that wait to be sent on one HTTP/2 stream. Default 64 KiB.
    pub http2_max_send_buffer_bytes: usize,
    /// How often an HTTP/2 client is asked for a sign of life. Default 30 s.
    pub http2_keep_alive_interval: Duration,
    /// How long an HTTP/2 client may owe that sign. Default 10 s.
    pub http2_keep_alive_timeout: Duration,
    /// How long draining waits for requests in flight. Default 20 s.
    pub grace: Duration,
    /// How long draining waits for HTTP/1 connections that are idle to ask once more, and to be told that this was the last
    /// answer. Default 500 ms.
    pub linger: Duration,
    /// How TLS is spoken. Default not at all.
    pub tls: Option<Tls>,
    /// The proxies that all connections come by, with a word on their client before all else. Default none.
    pub proxy_protocol: Option<ProxyProtocol>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            max_requests_per_connection: 10_000,
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            write_stall_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            http2_max_concurrent_streams: 250,
            max_abandoned_requests: 200,
            http2_max_pending_reset_streams: 20,
            http2_max_faulty_streams: 100,
            http2_max_send_buffer_bytes: 64 * 1024,
            http2_keep_alive_interval: Duration::from_secs(30),
            http2_keep_alive_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(20),
            linger: Duration::from_millis(500),
            tls: None,
            proxy_protocol: None,
        }
    }
}

impl ServerOptions {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds { requests: self.max_requests_per_connection, given_up: self.max_abandoned_requests }
    }

    pub(super) fn protocol(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        let head_buffer = usize::try_from(self.max_header_bytes).unwrap_or(usize::MAX);
        builder
            .http1()
            .timer(TokioTimer::new())
            // Those who have begun a head are held to their time before hyper is.
            .header_read_timeout(self.idle_timeout.max(self.header_read_timeout))
            .max_headers(self.max_headers)
            .max_buf_size(head_buffer.max(SMALLEST_HEAD_BUFFER));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(self.max_header_bytes)
            .max_concurrent_streams(self.http2_max_concurrent_streams)
            .max_pending_accept_reset_streams(self.http2_max_pending_reset_streams)
            .max_local_error_reset_streams(self.http2_max_faulty_streams)
            .max_send_buf_size(self.http2_max_send_buffer_bytes)
            .keep_alive_interval(self.http2_keep_alive_interval)
            .keep_alive_timeout(self.http2_keep_alive_timeout)
            .enable_connect_protocol();
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tiny_header_limit_does_not_panic() {
        let options = ServerOptions { max_header_bytes: 1, ..ServerOptions::default() };
        assert!(options.protocol().is_http1_available());
    }
}
