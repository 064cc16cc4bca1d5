//! An answer that goes on, or is ended: whoever stops in the middle of it holds up nobody for long.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use integridai_tower::BoxError;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::tunnel::until;
use crate::stack::Progress;

/// When an answer is ended.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) route: Arc<str>,
    /// For how long nothing may go either way.
    pub(super) idle: Duration,
    /// When a call of gRPC has to be over.
    pub(super) until: Option<Instant>,
    pub(super) is_grpc: bool,
    /// Whether the client can leave an answer unread while its connection goes on.
    pub(super) is_multiplexed: bool,
    /// Of the request too, where it has content.
    pub(super) progress: Option<Arc<Progress>>,
}

/// A service's answer under watch.
pub(super) struct Watched<B> {
    held: Held<B>,
    bytes: usize,
    watch: Watch,
    watcher: Option<AbortHandle>,
}

/// Few answers have to be waited for: only those are shared with who watches them.
enum Held<B> {
    Own(B),
    Shared(Arc<Mutex<Shared<B>>>),
}

struct Shared<B> {
    /// Until it was ended.
    body: Option<B>,
    waker: Option<Waker>,
    ended: Option<Ended>,
}

/// Why it was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Ended {
    #[error("nothing went either way for too long")]
    Stalled,
    #[error("the call took longer than its deadline")]
    Late,
}

/// More is an answer that a client may stop reading in the middle of.
const FEW_BYTES: usize = 64 * 1024;

impl Watch {
    /// Watches the body, whose head has come just now.
    pub(super) fn over<B>(self, body: B) -> Watched<B>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        self.progress.iter().for_each(|progress| progress.answer());
        let (is_bound, watch) = (self.until.is_some() || self.is_multiplexed, self);
        let mut watched = Watched { held: Held::Own(body), bytes: 0, watch, watcher: None };
        if is_bound {
            watched.share(None);
        }
        watched
    }
}

impl<B: Send + 'static> Watched<B> {
    fn share(&mut self, waker: Option<Waker>) {
        let shared = Arc::new(Mutex::new(Shared { body: None, waker, ended: None }));
        let held = std::mem::replace(&mut self.held, Held::Shared(Arc::clone(&shared)));
        if let Held::Own(body) = held {
            lock(&shared).body = Some(body);
        }
        let progress = self.watch.progress.get_or_insert_default();
        progress.mark();
        let watching = watching(shared, Arc::clone(progress), self.watch.clone());
        self.watcher = Some(tokio::spawn(watching).abort_handle());
    }
}

async fn watching<B>(shared: Arc<Mutex<Shared<B>>>, progress: Arc<Progress>, watch: Watch) {
    let why = tokio::select! {
        () = progress.still_for(watch.idle) => Ended::Stalled,
        () = until(watch.until) => Ended::Late,
    };
    let (body, waker) = {
        let mut shared = lock(&shared);
        shared.ended = Some(why);
        (shared.body.take(), shared.waker.take())
    };
    // With it goes the call of the service.
    drop(body);
    let reason = if why == Ended::Stalled { "idle" } else { "deadline" };
    metrics::counter!("integridai_proxy_ended_total", "route" => watch.route.to_string(), "reason" => reason)
        .increment(1);
    waker.into_iter().for_each(Waker::wake);
}

fn lock<B>(shared: &Mutex<Shared<B>>) -> MutexGuard<'_, Shared<B>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = match &mut this.held {
            Held::Own(body) => Pin::new(body).poll_frame(context),
            Held::Shared(shared) => return lock(shared).poll_frame(context, &this.watch),
        };
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            this.bytes = this.bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        }
        if frame.is_pending() || this.bytes > FEW_BYTES {
            this.share(Some(context.waker().clone()));
        }
        frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.held {
            Held::Own(body) => body.is_end_stream(),
            Held::Shared(shared) => {
                let shared = lock(shared);
                shared.body.as_ref().map_or(shared.ended.is_none(), Body::is_end_stream)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.held {
            Held::Own(body) => body.size_hint(),
            Held::Shared(shared) => lock(shared).body.as_ref().map(Body::size_hint).unwrap_or_default(),
        }
    }
}

impl<B> Shared<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        watch: &Watch,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else {
            let ended = self.ended.take();
            return Poll::Ready(
                ended.map(|ended| if watch.is_grpc { Ok(ended.trailers()) } else { Err(ended.into()) }),
            );
        };
        let frame = Pin::new(body).poll_frame(context);
        match &frame {
            Poll::Pending => self.waker = Some(context.waker().clone()),
            Poll::Ready(_) => watch.progress.iter().for_each(|progress| progress.mark()),
        }
        frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }
}

impl Ended {
    /// How gRPC says it: `UNAVAILABLE`, `DEADLINE_EXCEEDED`.
    fn trailers(self) -> Frame<Bytes> {
        let (code, message) = match self {
            Self::Stalled => ("14", "nothing went either way for too long"),
            Self::Late => ("4", "the call took longer than its deadline"),
        };
        let field = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
        Frame::trailers(HeaderMap::from_iter([field("grpc-status", code), field("grpc-message", message)]))
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.watcher.iter().for_each(AbortHandle::abort);
    }
}

#[cfg(test)]
mod tests;
