//! The server under test, and clients that say exactly what they are told to.
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use integridai_gateway::server::{Drained, PeerAddr, Secured, ServerOptions, serve, serve_on_cores};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

pub(crate) const SHORT: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// The server under test, its service's controls, and what its service reports.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<Drained>,
    pub(crate) gate: Arc<Notify>,
    pub(crate) started: mpsc::UnboundedReceiver<()>,
    pub(crate) dropped: mpsc::UnboundedReceiver<()>,
}

impl Running {
    pub(crate) async fn start(options: ServerOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::serving(address, |service, stopped| tokio::spawn(serve(listener, service, options, stopped)))
    }

    /// On so many threads, each with a listener of its own.
    pub(crate) fn on_cores(options: ServerOptions, count: usize) -> Self {
        let first = listener(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = first.local_addr().unwrap();
        let listeners = (1..count).map(|_| listener(address)).chain([first]).collect();
        Self::serving(address, |service, stopped| {
            tokio::spawn(async move {
                serve_on_cores(listeners, service, options, stopped).await.expect("there are threads left").0
            })
        })
    }

    fn serving(address: SocketAddr, serve: impl FnOnce(Controls, Stopped) -> JoinHandle<Drained>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (started_sender, started) = mpsc::unbounded_channel();
        let (dropped_sender, dropped) = mpsc::unbounded_channel();
        let gate = Arc::new(Notify::new());
        let controls = Controls { gate: gate.clone(), started: started_sender, dropped: dropped_sender };
        let ended = serve(controls, Box::pin(async { drop(stopped.await) }));
        Self { address, stop, ended, gate, started, dropped }
    }

    pub(crate) async fn stop(self) -> Drained {
        self.stop.send(()).unwrap();
        within(self.ended).await.unwrap()
    }
}

/// Of one address at which others listen, too.
fn listener(address: SocketAddr) -> std::net::TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(64).unwrap().into_std().unwrap()
}

type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone)]
struct Controls {
    gate: Arc<Notify>,
    started: mpsc::UnboundedSender<()>,
    dropped: mpsc::UnboundedSender<()>,
}

impl tower::Service<Request<Incoming>> for Controls {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        Box::pin(answer(self.clone(), request))
    }
}

/// Reports when it is dropped.
struct Reporter(mpsc::UnboundedSender<()>);

impl Drop for Reporter {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

async fn answer(controls: Controls, mut request: Request<Incoming>) -> Result<Answer, Infallible> {
    let peer = request.extensions().get::<PeerAddr>().expect("the server tells who asks").0;
    let reporter = Reporter(controls.dropped);
    match request.uri().path() {
        "/panic" => panic!("on purpose"),
        "/gated" => {
            controls.started.send(()).unwrap();
            controls.gate.notified().await;
        }
        "/stuck" => {
            controls.started.send(()).unwrap();
            std::future::pending::<()>().await;
        }
        "/endless" => {
            let frames = stream::repeat_with(move || {
                let _held = &reporter;
                Ok(Frame::data(Bytes::from_static(&[0; 64 * 1024])))
            });
            return Ok(Response::new(StreamBody::new(frames).boxed_unsync()));
        }
        "/echo" => {
            tokio::spawn(echo(hyper::upgrade::on(&mut request)));
            let mut response = Response::new(Empty::new().boxed_unsync());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("echo"));
            return Ok(response);
        }
        "/thread" => {
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            return Ok(Response::new(Full::from(thread).boxed_unsync()));
        }
        _ => {}
    }
    let secured = request.extensions().get::<Secured>();
    let client = secured.and_then(Secured::client_certificate).map(|shown| format!(" {}", shown.names[0]));
    let hello = format!("hello {peer}{}", client.unwrap_or_default());
    Ok(Response::new(Full::from(hello).boxed_unsync()))
}

async fn echo(upgrade: hyper::upgrade::OnUpgrade) {
    let (mut reader, mut writer) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
    let _ = tokio::io::copy(&mut reader, &mut writer).await;
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have happened long ago")
}

/// A client that says exactly what it is told to.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) async fn connect(server: &Running) -> Self {
        Self { stream: TcpStream::connect(server.address).await.unwrap() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn get(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n")).await;
    }

    /// Reads up to and including `end`.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            read.push(within(self.stream.read_u8()).await.expect("the answer goes on"));
        }
        String::from_utf8(read).unwrap()
    }

    pub(crate) async fn read_answer(&mut self) -> String {
        let head = self.read_until("\r\n\r\n").await.to_lowercase();
        let (_, rest) = head.split_once("content-length: ").expect("a length");
        let length: usize = rest.split_once("\r\n").unwrap().0.parse().unwrap();
        let mut body = vec![0; length];
        within(self.stream.read_exact(&mut body)).await.unwrap();
        head + std::str::from_utf8(&body).unwrap()
    }

    /// What the server still says before it closes.
    pub(crate) async fn read_to_close(&mut self) -> String {
        let mut rest = Vec::new();
        match within(self.stream.read_to_end(&mut rest)).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        String::from_utf8(rest).unwrap()
    }
}

pub(crate) async fn http2(server: &Running) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = within(handshake).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) fn http2_request(server: &Running, path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://{}{path}", server.address)).body(Empty::new()).unwrap()
}
