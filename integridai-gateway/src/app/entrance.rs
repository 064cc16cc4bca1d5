//! Where clients come in.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::inherited::{Bound, Inherited};
use super::redirect::Redirecting;
use super::{BuildError, server_options, tls};
use crate::config::Config;
use crate::server::{self, Drained, ProxyProtocol, ServerOptions};
use crate::stack::{self, CurrentRoutes};

/// Bound, and about to be served.
#[derive(Debug)]
pub(super) struct Entrance {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    options: ServerOptions,
    pub(super) redirecting: Option<Redirecting>,
    /// For operators.
    pub(super) admin: Option<Bound>,
}

impl Entrance {
    /// With what looks for new certificates, where there are any.
    pub(super) async fn open(
        config: &Config,
        mut inherited: Inherited,
    ) -> Result<(Self, Option<tls::Files>), BuildError> {
        let (tls, certificates) = tls::tls(&config.server.tls)?;
        let server = &config.server;
        let (listener, address) = inherited.bind(server.listen, "server.listen, or --port of demo").await?;
        let redirect = inherited.bind_if(server.redirect.listen, "server.redirect.listen").await?;
        let admin = inherited.bind_if(config.admin.listen, "admin.listen").await?;
        inherited.check_all_taken()?;
        let plain = ServerOptions {
            proxy_protocol: proxy_protocol(&server.proxy_protocol_from)?,
            ..server_options(server)
        };
        let redirecting =
            redirect.map(|bound| Redirecting::build(server, bound, address.port(), plain.clone()));
        let options = ServerOptions { tls, ..plain };
        Ok((Self { listener, address, options, redirecting, admin }, certificates))
    }

    /// Until `shutdown`, after which `draining` resolves too.
    pub(super) async fn serve(
        self,
        service: CurrentRoutes,
        shutdown: impl Future<Output = ()>,
        draining: impl Future<Output = ()>,
    ) -> Drained {
        let served = server::serve(self.listener, service, self.options, shutdown);
        let redirected = async {
            if let Some(redirecting) = self.redirecting {
                redirecting.serve(draining).await;
            }
        };
        tokio::join!(served, redirected).0
    }
}

fn proxy_protocol(networks: &[String]) -> Result<Option<ProxyProtocol>, BuildError> {
    Ok(match networks {
        [] => None,
        networks => Some(ProxyProtocol::from(stack::within(networks)?)),
    })
}
