//! A reverse proxy like the gateway's: hyper's server, the cache, hyper's client towards the scripted origin.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use integridai_tower::{BoxError, Principal, Refused};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use super::progress::Progress;

type ToOrigin = Client<HttpConnector, Body>;
type Proxied = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// Serves what `service` answers, until `tasks` is dropped.
pub(crate) async fn serve<S, B>(
    service: S,
    progress: &Progress,
    tasks: &mut JoinSet<()>,
) -> io::Result<SocketAddr>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service: Proxied = BoxCloneSyncService::new(
        service.map_response(|answer: Response<B>| answer.map(Body::new)).map_err(Into::into),
    );
    let listener = listen()?;
    let address = listener.local_addr()?;
    let progress = progress.clone();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream, service.clone(), progress.clone()));
        }
    });
    Ok(address)
}

/// Has room for more connections at once than listeners have by themselves: one for which there is none is tried again after
/// seconds.
fn listen() -> io::Result<TcpListener> {
    const WAITING: u32 = 4_096;
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(WAITING)
}

async fn connection(stream: TcpStream, service: Proxied, progress: Progress) {
    let service = service_fn(|request: Request<Incoming>| {
        answer(service.clone(), identified(request.map(Body::new)), Turn(progress.clone()))
    });
    // A client that leaves ends its connection with an error, as an origin does that breaks off.
    let _ =
        http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    service: Proxied,
    request: Request<Body>,
    turn: Turn,
) -> Result<Response<Counted>, Infallible> {
    let mut answer = pin!(service.oneshot(request));
    let mut is_held = false;
    let answer = poll_fn(|context| {
        let polled = answer.as_mut().poll(context);
        if !mem::replace(&mut is_held, true) {
            turn.0.arrived();
        }
        polled
    });
    // Nothing came from the origin: the one answer that the proxy makes itself.
    let answer = answer.await.unwrap_or_else(|_| bad_gateway());
    Ok(answer.map(|body| Counted { body, _turn: turn }))
}

/// Stands for authentication in front of the cache: it takes the credential out and leaves who it was.
fn identified(mut request: Request<Body>) -> Request<Body> {
    let name = request.headers_mut().remove("x-as");
    if let Some(name) = name.as_ref().and_then(|name| name.to_str().ok()) {
        let principal = Principal::builder(name).build();
        request.extensions_mut().insert(principal);
    }
    request
}

/// Stands for a layer behind the cache that made the answer itself.
fn marked(mut answer: Response<Incoming>) -> Response<Incoming> {
    if answer.headers_mut().remove("x-refused").is_some() {
        answer.extensions_mut().insert(Refused { layer: "circuit_breaker", reason: "open" });
    }
    answer
}

fn bad_gateway() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}

/// The service behind the cache: sends requests to the origin as they are, over a connection of their own.
pub(crate) fn forward(
    origin: SocketAddr,
) -> impl Service<
    Request<Body>,
    Response = Response<Incoming>,
    Error = hyper_util::client::legacy::Error,
    Future: Send,
> + Clone
+ Send
+ Sync
+ 'static {
    let client: ToOrigin = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .build(HttpConnector::new());
    tower::service_fn(move |mut request: Request<Body>| {
        let client = client.clone();
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let uri = format!("http://{origin}{target}").parse::<Uri>();
        *request.uri_mut() = uri.expect("a target that the server has read");
        async move { client.request(request).await.map(marked) }
    })
}

/// Counts a request as finished when it is dropped, with its answer or without.
struct Turn(Progress);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.finished();
    }
}

struct Counted {
    body: Body,
    _turn: Turn,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
