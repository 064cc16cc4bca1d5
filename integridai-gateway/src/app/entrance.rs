//! Where clients come in.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::num::NonZero;
use std::thread;

use tokio::net::TcpListener;

use super::inherited::{Bound, Inherited, listen_at};
use super::redirect::Redirecting;
use super::{BuildError, server_options, tls};
use crate::config::{Config, RuntimeKind};
use crate::server::{self, Cores, Drained, ProxyProtocol, ServerOptions};
use crate::stack::{self, CurrentRoutes};

/// Bound, and about to be served.
#[derive(Debug)]
pub(super) struct Entrance {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    is_per_core: bool,
    options: ServerOptions,
    pub(super) redirecting: Option<Redirecting>,
    /// For operators.
    pub(super) admin: Option<Bound>,
}

impl Entrance {
    /// With what looks for new certificates, where there are any.
    pub(super) fn open(
        config: &Config,
        mut inherited: Inherited,
    ) -> Result<(Self, Option<tls::Files>), BuildError> {
        let (tls, certificates) = tls::tls(&config.server.tls)?;
        let server = &config.server;
        let is_per_core = server.runtime == RuntimeKind::PerCore;
        let is_shared = is_per_core || server.reuse_port;
        let key = "server.listen, or --port of demo";
        let (listener, address) = inherited.bind(server.listen, key, is_shared)?;
        let redirect = inherited.bind_if(server.redirect.listen, "server.redirect.listen")?;
        let admin = inherited.bind_if(config.admin.listen, "admin.listen")?;
        inherited.check_all_taken()?;
        let plain = ServerOptions {
            proxy_protocol: proxy_protocol(&server.proxy_protocol_from)?,
            ..server_options(server)
        };
        let redirecting =
            redirect.map(|bound| Redirecting::build(server, bound, address.port(), plain.clone()));
        let options = ServerOptions { tls, ..plain };
        let entrance = Self { listener, address, is_per_core, options, redirecting, admin };
        Ok((entrance, certificates))
    }

    /// Until `shutdown`, after which `draining` resolves too. Upgraded connections go on until what comes beside is dropped.
    pub(super) async fn serve(
        self,
        service: CurrentRoutes,
        shutdown: impl Future<Output = ()>,
        draining: impl Future<Output = ()>,
    ) -> Result<(Drained, Option<Cores>), BuildError> {
        let Self { listener, address, is_per_core, options, redirecting, .. } = self;
        let served = async {
            if !is_per_core {
                return Ok((server::serve(listener, service, options, shutdown).await, None));
            }
            let failed = |source| BuildError::Bind { address, key: "server.runtime", source };
            let listeners = on_each_core(listener, address).map_err(failed)?;
            let served = server::serve_on_cores(listeners, service, options, shutdown).await;
            served.map(|(drained, cores)| (drained, Some(cores))).map_err(failed)
        };
        let redirected = async {
            if let Some(redirecting) = redirecting {
                redirecting.serve(draining).await;
            }
            Ok(())
        };
        tokio::try_join!(served, redirected).map(|(served, ())| served)
    }
}

/// One that was handed over cannot have others beside it, so that all threads share it.
fn on_each_core(first: TcpListener, address: SocketAddr) -> io::Result<Vec<StdListener>> {
    let first = first.into_std()?;
    let others = thread::available_parallelism().map_or(1, NonZero::get) - 1;
    let another = |_| match listen_at(address, true) {
        Ok(listener) => listener.into_std(),
        Err(_) => first.try_clone(),
    };
    let mut listeners = (0..others).map(another).collect::<io::Result<Vec<_>>>()?;
    listeners.push(first);
    Ok(listeners)
}

fn proxy_protocol(networks: &[String]) -> Result<Option<ProxyProtocol>, BuildError> {
    Ok(match networks {
        [] => None,
        networks => Some(ProxyProtocol::from(stack::within(networks)?)),
    })
}
