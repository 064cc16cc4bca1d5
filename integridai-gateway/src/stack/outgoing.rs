//! What is sent to a service: content that is at hand, or a client's as it comes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use integridai_tower::BoxError;
use integridai_tower::client::Replay;
use tokio::time::{Instant, Sleep, sleep_until};

use super::progress::Progress;

/// The content of a request to a service.
#[derive(Debug)]
pub enum Outgoing {
    /// At hand, and sent again where a call is repeated.
    Whole(Full<Bytes>),
    /// As the client sends it, once.
    Streamed(Streamed),
}

/// A client's content as it comes, until the time for it is up.
pub struct Streamed {
    /// Nobody ever waits for the lock: it makes a body that is used by one at a time one that may be shared.
    body: Mutex<Body>,
    pace: Pace,
    timer: Option<Pin<Box<Sleep>>>,
}

/// How long a client's content may take.
#[derive(Debug, Clone)]
pub struct Pace {
    /// All of it, unless the head of the answer is there by then.
    pub until: Instant,
    /// From one piece to the next, until then; afterwards who watches the exchange sees to that.
    pub idle: Duration,
    /// Of the exchange.
    pub progress: Arc<Progress>,
}

/// The client did not send what it had announced: nothing of which the service knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientBodyError {
    /// It broke off, sent too much, or what is no content.
    #[error("the client's content cannot be read")]
    Unreadable(#[source] BoxError),
    /// It took too long.
    #[error("the client's content did not come in time")]
    TooSlow,
    /// Nothing of it came for too long.
    #[error("the client's content stopped coming")]
    Stalled,
}

impl Outgoing {
    /// The client's content, at this pace.
    #[must_use]
    pub fn streamed(body: Body, pace: Pace) -> Self {
        Self::Streamed(Streamed { body: Mutex::new(body), pace, timer: None })
    }

    /// No content.
    #[must_use]
    pub fn empty() -> Self {
        Self::Whole(Full::default())
    }
}

impl Replay for Outgoing {
    fn replay(&self) -> Option<Self> {
        match self {
            Self::Whole(body) => Some(Self::Whole(body.clone())),
            Self::Streamed(_) => None,
        }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = ClientBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClientBodyError>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Self::Streamed(streamed) => streamed.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Streamed(streamed) => streamed.look(http_body::Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Streamed(streamed) => streamed.look(http_body::Body::size_hint),
        }
    }
}

impl Streamed {
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClientBodyError>>> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Poll::Ready(frame) = http_body::Body::poll_frame(Pin::new(body), context) {
            let unreadable = |error: axum::Error| ClientBodyError::Unreadable(error.into_inner());
            self.timer = None;
            self.pace.progress.mark();
            return Poll::Ready(frame.map(|frame| frame.map_err(unreadable)));
        }
        if self.pace.progress.is_answered() {
            return Poll::Pending;
        }
        let Pace { until, idle, .. } = self.pace;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until.min(Instant::now() + idle))));
        let late = if timer.deadline() < until { ClientBodyError::Stalled } else { ClientBodyError::TooSlow };
        timer.as_mut().poll(context).map(|()| Some(Err(late)))
    }

    fn look<T>(&self, of: impl FnOnce(&Body) -> T) -> T {
        of(&self.body.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").field("pace", &self.pace).finish_non_exhaustive()
    }
}
