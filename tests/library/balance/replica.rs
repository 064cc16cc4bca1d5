//! A simulated replica: how long it takes and what it answers is the test's to say, in paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Request;
use tower::Service;

use crate::endpoint::{Answer, Broken, answer};

/// A clone is the same replica.
#[derive(Clone)]
pub(crate) struct Replica(Arc<State>);

struct State {
    takes_us: AtomicU64,
    status: AtomicU16,
    calls: AtomicUsize,
}

/// No connection.
pub(crate) const DOWN: u16 = 0;

impl Replica {
    pub(crate) fn new(takes: Duration) -> Self {
        let state =
            State { takes_us: AtomicU64::new(0), status: AtomicU16::new(200), calls: AtomicUsize::new(0) };
        let replica = Self(Arc::new(state));
        replica.takes(takes);
        replica
    }

    pub(crate) fn takes(&self, time: Duration) {
        self.0.takes_us.store(time.as_micros().try_into().unwrap(), Ordering::SeqCst);
    }

    /// [`DOWN`] for no answer at all.
    pub(crate) fn answers(&self, status: u16) {
        self.0.status.store(status, Ordering::SeqCst);
    }

    /// Calls since this was last asked.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls.swap(0, Ordering::SeqCst)
    }
}

impl Service<Request<()>> for Replica {
    type Response = Answer;
    type Error = Broken;
    type Future = BoxFuture<'static, Result<Answer, Broken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let state = Arc::clone(&self.0);
        async move {
            state.calls.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_micros(state.takes_us.load(Ordering::SeqCst))).await;
            match state.status.load(Ordering::SeqCst) {
                DOWN => Err(Broken),
                status => Ok(answer(status, "")),
            }
        }
        .boxed()
    }
}
