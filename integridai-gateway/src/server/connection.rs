use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use pin_project_lite::pin_project;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

use super::bounded_io::BoundedIo;
use super::secured::Secured;
use super::socket::Socket;
use super::tally::{Tally, Turn, Verdict};

/// The address at the other end of the socket: the client's, or its proxy's, unless that tells of its client by the PROXY
/// protocol. An extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

/// When and how a connection is drained.
#[derive(Clone, Debug)]
pub(super) struct Draining {
    pub(super) has_begun: CancellationToken,
    /// How long HTTP/1 is waited for to ask once more. Its client may be doing so at the very moment, and has no other way
    /// than an answer to learn that it is the last (RFC 9112 §9.6).
    pub(super) linger: Duration,
}

/// Serves one connection until it ends: by itself, in order when it is time to drain or the client has had its share,
/// or at once when the client misuses it.
pub(super) async fn drive<S, B>(
    protocol: &auto::Builder<TokioExecutor>,
    io: BoundedIo<Socket>,
    exchanges: Exchanges<S>,
    Draining { has_begun, linger }: Draining,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (peer, tally) = (exchanges.peer.0, Arc::clone(&exchanges.tally));
    let mut connection = pin!(protocol.serve_connection_with_upgrades(TokioIo::new(io), exchanges));
    let mut draining = pin!(has_begun.cancelled());
    let (mut lingering, mut is_finishing) = (None, false);
    let ended = poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended);
            }
            let verdict = tally.verdict();
            if verdict == Verdict::Cut {
                return Poll::Ready(Err("the client gives up what it asks for".into()));
            }
            if is_finishing || (verdict == Verdict::GoOn && draining.as_mut().poll(context).is_pending()) {
                return Poll::Pending;
            }
            if verdict == Verdict::GoOn && !tally.is_multiplexed() {
                tally.drain();
                let lingering = lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(linger)));
                if lingering.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
            is_finishing = true;
            connection.as_mut().graceful_shutdown();
        }
    });
    if let Err(error) = ended.await {
        tracing::debug!(%peer, error, "connection ended early");
    }
}

/// What the requests of one connection are answered by.
#[derive(Clone, Debug)]
pub(super) struct Exchanges<S> {
    service: TowerToHyperService<S>,
    peer: PeerAddr,
    secured: Option<Secured>,
    tally: Arc<Tally>,
}

impl<S> Exchanges<S> {
    pub(super) fn new(service: S, peer: SocketAddr, secured: Option<Secured>, tally: Arc<Tally>) -> Self {
        Self { service: TowerToHyperService::new(service), peer: PeerAddr(peer), secured, tally }
    }
}

type Answering<S> = <TowerToHyperService<S> as hyper::service::Service<Request<Incoming>>>::Future;

impl<S, B> hyper::service::Service<Request<Incoming>> for Exchanges<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Exchange<Answering<S>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let turn = self.tally.begin();
        let is_multiplexed = request.version() >= Version::HTTP_2;
        if is_multiplexed {
            self.tally.note_multiplexed();
        }
        let is_connect = *request.method() == Method::CONNECT;
        request.extensions_mut().insert(self.peer);
        if let Some(secured) = &self.secured {
            request.extensions_mut().insert(secured.clone());
        }
        Exchange { answer: self.service.call(request), turn, is_multiplexed, is_connect }
    }
}

pin_project! {
    /// One request and its answer.
    pub(super) struct Exchange<F> {
        #[pin]
        answer: F,
        turn: Turn,
        is_multiplexed: bool,
        is_connect: bool,
    }
}

impl<F, B, E> Future for Exchange<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = std::task::ready!(this.answer.poll(context));
        this.turn.answered();
        Poll::Ready(answer.map(|mut response| {
            let status = response.status();
            if status == StatusCode::SWITCHING_PROTOCOLS || (*this.is_connect && status.is_success()) {
                this.turn.tally().upgrade();
            } else if !*this.is_multiplexed && this.turn.tally().is_ending() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }))
    }
}
