//! The HTTP server: a listener, any Tower service, and bounds on everything a client can do.
//!
//! [`serve`] speaks HTTP/1.1 (with upgrades) and HTTP/2 on one port, in the clear (HTTP/2 with prior knowledge) or over
//! TLS ([`ServerOptions::tls`]), until the `shutdown` future resolves; then it drains. It knows nothing of the gateway: any
//! `Service<Request<Incoming>>` will do. Each request is served by a clone that was polled ready first.
//!
//! # What a client cannot do
//! | attempt | answer | bound |
//! | --- | --- | --- |
//! | send no byte, or half a protocol preface | the connection is closed | [`header_read_timeout`] |
//! | send the head slowly | the connection is closed | [`header_read_timeout`] |
//! | idle between HTTP/1 requests | the connection is closed | [`idle_timeout`] |
//! | send a huge head, or many headers | 431 | [`max_header_bytes`], [`max_headers`] (HTTP/1) |
//! | send something that is not HTTP | 400, close | |
//! | come by a proxy that says nothing of its client, or by none ([`ServerOptions::proxy_protocol`]) | the connection is closed | [`header_read_timeout`] |
//! | say twice how long a request is, or in two ways; end its lines without CR | 400, close | |
//! | send request after request on one connection | close with the last answer; GOAWAY | [`max_requests_per_connection`] |
//! | ask, and give up before the answer (HTTP/2's rapid reset) | the connection is closed | [`max_abandoned_requests`], [`http2_max_pending_reset_streams`] |
//! | flood with frames of no use, or that break the protocol (HTTP/2) | GOAWAY, close | [`http2_max_faulty_streams`], and h2's own bounds on empty DATA, CONTINUATION, SETTINGS and PING |
//! | leave a response unread | the connection is closed | [`write_stall_timeout`] |
//! | vanish behind an idle HTTP/2 connection | the connection is closed | [`http2_keep_alive_interval`] + [`http2_keep_alive_timeout`] |
//! | open more connections than there is room for | a raw 503 with `Retry-After`, close; where TLS is spoken, close | [`max_connections`] |
//!
//! [`serve_on_cores`] does the same on several threads that share nothing but the room for connections.
//!
//! The requests among the bytes are followed before hyper reads them, since it settles in silence what others may settle
//! otherwise: with both lengths it goes by `Transfer-Encoding`, an equal second `Content-Length` it drops, and a bare LF
//! ends a line (RFC 9112 §2.2, §6.3, §11.2). On HTTP/1 the 400 and the 431 are hyper's own: an empty body and no header of the service's, for hyper has no hook
//! where a head cannot be read.
//!
//! The size and the pace of a request's *body* are the business of the service's own layers. A panic inside the
//! service ends the exchange (HTTP/2) or the connection (HTTP/1) it happened on and nothing else; turning it into
//! a 500 is a layer's work too.
//!
//! # Draining
//! When `shutdown` resolves, connections that wait to be accepted are, and the listener is closed. HTTP/1 connections are
//! told with their next answer that it was the last (`connection: close`); those that are idle are closed after [`linger`],
//! since closing one at once could cross the request that its client is sending. HTTP/2 connections get GOAWAY and finish
//! their streams. What is still open after [`grace`] is aborted. [`Drained`] tells how it went.
//!
//! **Upgraded connections** (WebSockets) have left HTTP: draining neither waits for them nor ends them. Who took
//! them over has to say goodbye on the same shutdown signal. They do keep their place under [`max_connections`],
//! and the [`write_stall_timeout`], until their socket closes.
//!
//! # Extensions
//! Written to each request: [`PeerAddr`], the address at the other end of the socket, or what a proxy tells of it
//! ([`ServerOptions::proxy_protocol`]); where it came over TLS, [`Secured`].
//!
//! # Metrics
//! `integridai_server_connections_open`, `integridai_server_connections_refused_total`,
//! `integridai_server_connections_panicked_total`, `integridai_server_accept_errors_total`,
//! `integridai_server_proxy_protocol_refused_total`; over TLS
//! `integridai_server_tls_handshakes_total`, `integridai_server_tls_reloads_total` and
//! `integridai_server_tls_certificate_expiry_timestamp_seconds`.
//!
//! # Examples
//! Defaults:
//! ```
//! # use std::convert::Infallible;
//! use http::{Request, Response};
//! use hyper::body::Incoming;
//! use integridai_gateway::server::{ServerOptions, serve};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let ctrl_c = async {};
//! let hello = tower::service_fn(|_: Request<Incoming>| async {
//!     Ok::<_, Infallible>(Response::new("hello".to_owned()))
//! });
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let drained = serve(listener, hello, ServerOptions::default(), ctrl_c).await;
//! assert_eq!(drained.aborted, 0);
//! # Ok(())
//! # }
//! ```
//! A small, impatient server:
//! ```
//! use std::time::Duration;
//! use integridai_gateway::server::ServerOptions;
//!
//! let options = ServerOptions {
//!     header_read_timeout: Duration::from_secs(2),
//!     max_connections: 100,
//!     grace: Duration::from_secs(5),
//!     ..ServerOptions::default()
//! };
//! # assert_eq!(options.max_connections, 100);
//! ```
//!
//! [`header_read_timeout`]: ServerOptions::header_read_timeout
//! [`idle_timeout`]: ServerOptions::idle_timeout
//! [`max_requests_per_connection`]: ServerOptions::max_requests_per_connection
//! [`max_abandoned_requests`]: ServerOptions::max_abandoned_requests
//! [`http2_max_pending_reset_streams`]: ServerOptions::http2_max_pending_reset_streams
//! [`http2_max_faulty_streams`]: ServerOptions::http2_max_faulty_streams
//! [`max_header_bytes`]: ServerOptions::max_header_bytes
//! [`max_headers`]: ServerOptions::max_headers
//! [`write_stall_timeout`]: ServerOptions::write_stall_timeout
//! [`max_connections`]: ServerOptions::max_connections
//! [`http2_keep_alive_interval`]: ServerOptions::http2_keep_alive_interval
//! [`http2_keep_alive_timeout`]: ServerOptions::http2_keep_alive_timeout
//! [`grace`]: ServerOptions::grace
//! [`linger`]: ServerOptions::linger
mod accept;
mod admission;
mod arrival;
mod bounded_io;
mod connection;
mod cores;
mod framing;
mod options;
mod proxy_protocol;
mod refusal;
mod repoll;
mod secured;
mod serve;
mod socket;
mod tally;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_absent.rs"]
mod tls;
mod unstalled;

pub use connection::PeerAddr;
pub use cores::{Cores, serve_on_cores};
pub use options::ServerOptions;
pub use proxy_protocol::ProxyProtocol;
pub use secured::{ClientCertificate, Secured, SubjectName};
pub use serve::{Drained, serve};
pub use tls::Tls;
