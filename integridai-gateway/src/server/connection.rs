use std::convert::Infallible;
use std::net::SocketAddr;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tower::{BoxError, Service};

use super::bounded_io::BoundedIo;

/// The address at the other end of the socket: the client's, or its proxy's. An extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

/// Serves one connection until it ends, by itself or because the watcher says so.
pub(super) async fn drive<S, B>(
    protocol: &auto::Builder<TokioExecutor>,
    io: BoundedIo<TcpStream>,
    exchanges: Exchanges<S>,
    watcher: Watcher,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let peer = exchanges.peer.0;
    let connection = protocol.serve_connection_with_upgrades(TokioIo::new(io), exchanges);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, error, "connection ended early");
    }
}

/// What the requests of one connection are answered by.
#[derive(Clone, Debug)]
pub(super) struct Exchanges<S> {
    service: TowerToHyperService<S>,
    peer: PeerAddr,
}

impl<S> Exchanges<S> {
    pub(super) fn new(service: S, peer: SocketAddr) -> Self {
        Self { service: TowerToHyperService::new(service), peer: PeerAddr(peer) }
    }
}

impl<S: Service<Request<Incoming>> + Clone> hyper::service::Service<Request<Incoming>> for Exchanges<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = <TowerToHyperService<S> as hyper::service::Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.service.call(request)
    }
}
