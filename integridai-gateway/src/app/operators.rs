//! The listener for operators.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{BuildError, bind, server_options};
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
    /// `None` where the configuration has no such listener.
    pub(super) async fn bind(config: &Config) -> Result<Option<Self>, BuildError> {
        let Some(listen) = config.admin.listen else { return Ok(None) };
        let (listener, address) = bind(listen, "admin.listen").await?;
        let options = server_options(&config.server.for_operators(listen));
        Ok(Some(Self { listener, address, options }))
    }

    pub(super) async fn serve(self, routes: CurrentRoutes, shutdown: impl Future<Output = ()>) {
        tracing::info!(address = %self.address, "listening for operators");
        server::serve(self.listener, routes, self.options, shutdown).await;
    }
}
