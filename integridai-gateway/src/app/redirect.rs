//! The listener for those who come without TLS.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

use super::inherited::Bound;
use crate::config::ServerConfig;
use crate::server::{self, ServerOptions};
use crate::stack;

/// Bound and wired, and about to serve.
#[derive(Debug)]
pub(super) struct Redirecting {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    service: Router,
    options: ServerOptions,
}

impl Redirecting {
    /// `https` is the port where TLS is spoken, unless the configuration has clients sent elsewhere.
    pub(super) fn build(server: &ServerConfig, bound: Bound, https: u16, options: ServerOptions) -> Self {
        let (listener, address) = bound;
        let service = stack::redirect(server, server.redirect.https_port.unwrap_or(https));
        Self { listener, address, service, options }
    }

    pub(super) async fn serve(self, shutdown: impl Future<Output = ()>) {
        tracing::info!(redirect_address = %self.address, "listening for those without TLS");
        server::serve(self.listener, self.service, self.options, shutdown).await;
    }
}
