//! Where clients come in.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::redirect::Redirecting;
use super::{BuildError, bind, server_options, tls};
use crate::config::Config;
use crate::server::{self, Drained, ServerOptions, Tls};
use crate::stack::CurrentRoutes;

/// Bound, and about to be served.
#[derive(Debug)]
pub(super) struct Entrance {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    tls: Option<Tls>,
    pub(super) redirecting: Option<Redirecting>,
}

impl Entrance {
    /// With what looks for new certificates, where there are any.
    pub(super) async fn open(config: &Config) -> Result<(Self, Option<tls::Files>), BuildError> {
        let (tls, certificates) = tls::tls(&config.server.tls)?;
        let (listener, address) = bind(config.server.listen, "server.listen, or --port of demo").await?;
        let redirecting = Redirecting::build(config, address).await?;
        Ok((Self { listener, address, tls, redirecting }, certificates))
    }

    /// Until `shutdown`, after which `draining` resolves too.
    pub(super) async fn serve(
        self,
        service: CurrentRoutes,
        config: &Config,
        shutdown: impl Future<Output = ()>,
        draining: impl Future<Output = ()>,
    ) -> Drained {
        let options = ServerOptions { tls: self.tls, ..server_options(&config.server) };
        let served = server::serve(self.listener, service, options, shutdown);
        let redirected = async {
            if let Some(redirecting) = self.redirecting {
                redirecting.serve(draining).await;
            }
        };
        tokio::join!(served, redirected).0
    }
}
