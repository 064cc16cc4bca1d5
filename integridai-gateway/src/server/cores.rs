use std::convert::Infallible;
use std::io;
use std::net::TcpListener as StdListener;
use std::thread;

use futures_util::future::join_all;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

use super::ServerOptions;
use super::admission::Admission;
use super::serve::{Drained, serve_within};

/// Threads that each serve on a runtime of their own. What they have spawned goes on until this is dropped.
#[derive(Debug)]
#[must_use = "what was spawned on the threads ends with it"]
pub struct Cores {
    is_over: CancellationToken,
}

impl Drop for Cores {
    fn drop(&mut self) {
        self.is_over.cancel();
    }
}

/// The same as [`serve`](super::serve) on one thread for each listener: a connection stays where it was accepted, and no thread takes work
/// from another. All have room for [`ServerOptions::max_connections`] together.
///
/// # Errors
///
/// When a thread or its runtime cannot be had; then nothing is served.
pub async fn serve_on_cores<S, B>(
    listeners: Vec<StdListener>,
    service: S,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<(Drained, Cores)>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let cores = Cores { is_over: CancellationToken::new() };
    let (draining, admission) = (CancellationToken::new(), Admission::new(options.max_connections));
    // Whoever gives up waiting leaves no thread behind.
    let _stops = draining.clone().drop_guard();
    let mut ends = Vec::new();
    for (number, listener) in listeners.into_iter().enumerate() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (service, options, admission) = (service.clone(), options.clone(), admission.sharing());
        let (draining, is_over) = (draining.clone(), cores.is_over.clone());
        let (drained, end) = oneshot::channel();
        ends.push(end);
        let served = async move {
            let shutdown = draining.cancelled();
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            // Nobody waits for it any more where this fails.
            let _ = drained.send(serve_within(listener, service, options, admission, shutdown).await);
            is_over.cancelled().await;
        };
        let run = move || runtime.block_on(served);
        thread::Builder::new().name(format!("core-{number}")).spawn(run)?;
    }
    shutdown.await;
    draining.cancel();
    let ended = join_all(ends).await;
    let all = ended.into_iter().filter_map(Result::ok).fold(Drained::default(), Drained::and);
    Ok((all, cores))
}
