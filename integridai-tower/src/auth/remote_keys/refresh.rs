//! The future that fetches.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::fetch::{Fetch, fetch};
use super::shared::Shared;
use crate::BoxError;

/// Keeps [`RemoteKeys`](super::RemoteKeys) fresh while it is polled; ends when nobody has them any more.
#[must_use = "keys are fetched only while this future is polled"]
pub struct RefreshKeys(Pin<Box<dyn Future<Output = ()> + Send>>);

impl RefreshKeys {
    pub(super) fn new<S, B>(shared: &Arc<Shared>, asked: watch::Receiver<()>, service: S, what: Fetch) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>> + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let shared = Arc::downgrade(shared);
        Self(Box::pin(refresh(shared, asked, service, what)))
    }
}

impl Future for RefreshKeys {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for RefreshKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshKeys")
    }
}

async fn refresh<S, B>(shared: Weak<Shared>, mut asked: watch::Receiver<()>, mut service: S, what: Fetch)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut seen = Bytes::new();
    loop {
        let Some(has_keys) = shared.upgrade().map(|shared| shared.begin()) else { return };
        if !has_keys {
            // The same answer again is news to a set that was given up.
            seen.clear();
        }
        let fetched = fetch(&mut service, &what, &mut seen).await;
        let Some(alive) = shared.upgrade() else { return };
        // Who asked meanwhile has got what was asked for.
        asked.borrow_and_update();
        alive.end(fetched);
        drop(alive);
        if !wait(&shared, &mut asked).await {
            return;
        }
    }
}

/// Until the next fetch; answers whether there is to be one.
async fn wait(shared: &Weak<Shared>, asked: &mut watch::Receiver<()>) -> bool {
    loop {
        let Some(moment) = shared.upgrade().map(|shared| shared.next_moment()) else { return false };
        match timeout_at(moment, asked.changed()).await {
            Ok(Ok(())) => return true,
            Ok(Err(_)) => return false,
            Err(_) => {}
        }
        match shared.upgrade() {
            Some(shared) if !shared.is_due(Instant::now()) => shared.age(Instant::now()),
            Some(_) => return true,
            None => return false,
        }
    }
}
