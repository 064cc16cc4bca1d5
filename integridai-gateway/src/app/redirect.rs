//! The listener for those who come without TLS.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

use super::{BuildError, bind, server_options};
use crate::config::Config;
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
    /// `None` where the configuration has no such listener; `https` is where TLS is spoken.
    pub(super) async fn build(config: &Config, https: SocketAddr) -> Result<Option<Self>, BuildError> {
        let redirect = &config.server.redirect;
        let Some(listen) = redirect.listen else { return Ok(None) };
        let (listener, address) = bind(listen, "server.redirect.listen").await?;
        let service = stack::redirect(&config.server, redirect.https_port.unwrap_or(https.port()));
        Ok(Some(Self { listener, address, service, options: server_options(&config.server) }))
    }

    pub(super) async fn serve(self, shutdown: impl Future<Output = ()>) {
        tracing::info!(redirect_address = %self.address, "listening for those without TLS");
        server::serve(self.listener, self.service, self.options, shutdown).await;
    }
}
