//! The listener for operators.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use super::inherited::Bound;
use super::server_options;
use crate::admin::{self, Admin};
use crate::api::Scope;
use crate::config::{Config, CorsConfig};
use crate::server::{self, ServerOptions};
use crate::services::Exchanges;
use crate::stack::{self, Guards};

/// Bound and wired, and about to serve.
#[derive(Debug)]
pub(super) struct Operators {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    service: Router,
    options: ServerOptions,
}

impl Operators {
    /// The same door as the main one has, but no page of another origin may call.
    pub(super) fn build(
        config: &Config,
        (listener, address): Bound,
        admin: Admin,
        guards: &Guards<'_>,
        exchanges: Exchanges,
    ) -> Self {
        let server = config.server.for_operators(config.admin.listen.unwrap_or(address));
        let routes = admin::routes(Arc::new(admin), |routes| guards.access.guard(routes, Scope::Admin));
        let service = stack::edge(routes, Router::new(), &server, &CorsConfig::default(), guards, exchanges);
        Self { listener, address, service, options: server_options(&server) }
    }

    pub(super) async fn serve(self, shutdown: impl Future<Output = ()>) {
        tracing::info!(address = %self.address, "listening for operators");
        server::serve(self.listener, self.service, self.options, shutdown).await;
    }
}
