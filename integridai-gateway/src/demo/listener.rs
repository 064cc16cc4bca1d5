//! The socket of a simulated service: binding, accepting, and closing everything at once.
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::select;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gate::Gate;
use super::options::Port;

const MOST_CONNECTIONS: usize = 4_096;
const BACKLOG: u32 = 1_024;
const LARGEST_HEAD: usize = 64 * 1024;
/// Connections of the time before a restart linger in `TIME_WAIT` and would block it. Windows has no such
/// hindrance, and takes the option as leave to share a port that is in use.
const REUSE_ADDRESS: bool = cfg!(unix);
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

pub(super) fn bind(port: Port) -> io::Result<TcpListener> {
    match port {
        Port::Free => claim(0)?.listen(BACKLOG),
        Port::Exactly(port) => claim(port)?.listen(BACKLOG),
        Port::Prefer(port) => {
            claim(port).and_then(|socket| socket.listen(BACKLOG)).or_else(|_| bind(Port::Free))
        }
    }
}

/// A bound socket that does not listen: it keeps the port, and connections to it are refused.
pub(super) fn claim(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(REUSE_ADDRESS)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

pub(super) fn listen(socket: TcpSocket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)
}

/// Serves until told to stop; returns when the last connection is closed.
pub(super) async fn serve(listener: TcpListener, gate: Arc<Gate>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let next = select! {
            biased;
            () = stop.cancelled() => break,
            next = accept(&listener, &room) => next,
        };
        match next {
            Ok((stream, permit)) => {
                drop(connections.spawn(converse(stream, Arc::clone(&gate), stop.clone(), permit)));
            }
            // Out of descriptors, say: trying again at once would spin.
            Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

async fn converse(
    stream: TcpStream,
    gate: Arc<Gate>,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
) {
    let cut = Arc::new(Notify::new());
    let shared = Arc::clone(&cut);
    let service = service_fn(move |request| {
        let (gate, cut) = (Arc::clone(&gate), Arc::clone(&shared));
        async move { Ok::<_, Infallible>(gate.respond(request, &cut).await) }
    });
    let mut connection =
        http1::Builder::new().max_buf_size(LARGEST_HEAD).serve_connection(TokioIo::new(stream), service);
    select! {
        () = stop.cancelled() => {}
        () = cut.notified() => {
            // With zero linger the close below sends RST instead of FIN.
            let _ = connection.into_parts().io.into_inner().set_zero_linger();
        }
        // A client that left is its own affair; the request has been counted as cancelled.
        _ = &mut connection => {}
    }
}
