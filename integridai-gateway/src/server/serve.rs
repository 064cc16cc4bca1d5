use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

use super::ServerOptions;
use super::accept::Acceptor;
use super::admission::{Admission, Admitted};
use super::arrival::{Arrival, Arrived, count_refused};
use super::bounded_io::BoundedIo;
use super::connection::{Draining, Exchanges, drive};
use super::refusal::Refusals;
use super::repoll::Repoll;
use super::socket::Socket;
use super::tally::Tally;
use super::unstalled::Unstalled;

/// How long an aborted connection may take to let go of what it holds.
const ABORT_PATIENCE: Duration = Duration::from_secs(1);

/// How the server ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that were open at shutdown and ended by themselves within the grace period.
    pub finished: usize,
    /// Connections that were still open after the grace period and were cut.
    pub aborted: usize,
    /// Connections that found no room, over the server's whole life.
    pub refused: u64,
}

impl Drained {
    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            finished: self.finished + other.finished,
            aborted: self.aborted + other.aborted,
            refused: self.refused + other.refused,
        }
    }
}

/// Serves connections from `listener` with clones of `service` until `shutdown` resolves, then drains.
///
/// See the [module docs](super) for the bounds and for what draining means. Dropping the future cuts everything.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let admission = Admission::new(options.max_connections);
    serve_within(listener, service, options, admission, shutdown).await
}

/// The same with room that others may share.
pub(super) async fn serve_within<S, B>(
    listener: TcpListener,
    service: S,
    options: ServerOptions,
    admission: Admission,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let mut server = Server::new(service, options, admission);
    server.accept_until(&listener, shutdown).await;
    server.accept_waiting(&listener);
    // The port is free, and load balancers see it closed, before the first connection is drained.
    drop(listener);
    server.drain().await
}

struct Server<S> {
    service: S,
    options: ServerOptions,
    protocol: Arc<auto::Builder<TokioExecutor>>,
    admission: Admission,
    refusals: Refusals,
    connections: JoinSet<()>,
    draining: CancellationToken,
}

impl<S> Server<S> {
    fn new(service: S, options: ServerOptions, admission: Admission) -> Self {
        Self {
            service,
            protocol: Arc::new(options.protocol()),
            admission,
            refusals: Refusals::default(),
            connections: JoinSet::new(),
            draining: CancellationToken::new(),
            options,
        }
    }

    async fn drain(mut self) -> Drained {
        while let Some(ended) = self.connections.try_join_next() {
            note_panic(ended);
        }
        let mut finished = 0;
        self.draining.cancel();
        let all_ended = async {
            while let Some(ended) = self.connections.join_next().await {
                note_panic(ended);
                finished += 1;
            }
        };
        let _ = tokio::time::timeout(self.options.grace, all_ended).await;
        let aborted = self.connections.len();
        let _ = tokio::time::timeout(ABORT_PATIENCE, self.connections.shutdown()).await;
        Drained { finished, aborted, refused: self.admission.refused() }
    }
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    async fn accept_until(&mut self, listener: &TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut acceptor = Acceptor::default();
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                Some(ended) = self.connections.join_next() => note_panic(ended),
                accepted = acceptor.accept(listener) => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer),
                    Err(error) => note_accept_error(&error),
                },
            }
        }
    }

    /// Whoever the system has let in already; it would reset them.
    fn accept_waiting(&mut self, listener: &TcpListener) {
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            self.admit(stream, peer);
        }
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.options.proxy_protocol.as_ref().is_some_and(|proxies| !proxies.trusts(peer)) {
            count_refused("untrusted");
            return drop(stream);
        }
        match self.admission.admit() {
            Some(admitted) => self.open(stream, peer, admitted),
            // Who waits for a handshake does not understand more.
            None if self.options.tls.is_some() => drop(stream),
            None => self.refusals.refuse(stream),
        }
    }

    fn open(&mut self, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection keeps Nagle's algorithm");
        }
        let (protocol, has_begun) = (Arc::clone(&self.protocol), self.draining.clone());
        let draining = Draining { has_begun, linger: self.options.linger };
        let tally = Arc::new(Tally::new(self.options.bounds()));
        let (service, head_timeout) = (self.service.clone(), self.options.header_read_timeout);
        let Some(arrival) = Arrival::of(&self.options) else {
            let socket = Socket::Plain(Unstalled::new(stream, self.options.write_stall_timeout));
            let io = BoundedIo::new(socket, head_timeout, Arc::clone(&tally), admitted);
            let exchanges = Exchanges::new(service, peer, None, tally);
            let driven = async move { drive(&protocol, io, exchanges, draining).await };
            self.connections.spawn(Repoll::new(driven));
            return;
        };
        let driven = async move {
            let Arrived { socket, client, secured } = match arrival.receive(stream, peer).await {
                Ok(arrived) => arrived,
                Err(error) => return note_arrival_error(&error, peer),
            };
            let io = BoundedIo::new(socket, head_timeout, Arc::clone(&tally), admitted);
            let exchanges = Exchanges::new(service, client, secured, tally);
            drive(&protocol, io, exchanges, draining).await;
        };
        self.connections.spawn(Repoll::new(driven));
    }
}

fn note_arrival_error(error: &std::io::Error, peer: SocketAddr) {
    tracing::debug!(%peer, error = error as &dyn std::error::Error, "no request came of a connection");
}

fn note_accept_error(error: &std::io::Error) {
    metrics::counter!("integridai_server_accept_errors_total").increment(1);
    tracing::warn!(error = error as &dyn std::error::Error, "could not accept a connection");
}

fn note_panic(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        metrics::counter!("integridai_server_connections_panicked_total").increment(1);
        tracing::error!("a request panicked and took its connection along");
    }
}
