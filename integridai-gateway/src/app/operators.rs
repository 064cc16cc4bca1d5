//! The listener for operators.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::inherited::Bound;
use super::server_options;
use crate::config::Config;
use crate::server::{self, ServerOptions};
use crate::stack::CurrentRoutes;

/// Bound, and about to serve.
#[derive(Debug)]
pub(super) struct Operators {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    options: ServerOptions,
}

impl Operators {
    pub(super) fn new(config: &Config, (listener, address): Bound) -> Self {
        let server = config.server.for_operators(config.admin.listen.unwrap_or(address));
        Self { listener, address, options: server_options(&server) }
    }

    pub(super) async fn serve(self, routes: CurrentRoutes, shutdown: impl Future<Output = ()>) {
        tracing::info!(address = %self.address, "listening for operators");
        server::serve(self.listener, routes, self.options, shutdown).await;
    }
}
