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
///
/// Once it is dropped, nothing is fetched and nothing given up any more: the keys stay as they are, tokens with other keys
/// are refused at once, and [`KeysStatus::last_error`](super::KeysStatus::last_error) tells of it.
#[must_use = "keys are fetched only while this future is polled"]
pub struct RefreshKeys(Pin<Box<dyn Future<Output = ()> + Send>>);

impl RefreshKeys {
    pub(super) fn new<S, B>(shared: &Arc<Shared>, asked: watch::Receiver<()>, service: S, what: Fetch) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>> + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let fetcher = Fetcher(Arc::downgrade(shared));
        Self(Box::pin(async move { refresh(&fetcher, asked, service, what).await }))
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

/// Tells those who wait that there is nothing to wait for: it is dropped with the future, and by a panic.
struct Fetcher(Weak<Shared>);

impl Drop for Fetcher {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.give_up();
        }
    }
}

async fn refresh<S, B>(Fetcher(shared): &Fetcher, mut asked: watch::Receiver<()>, mut service: S, what: Fetch)
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
        if !wait(shared, &mut asked).await {
            return;
        }
    }
}

fn is_allowed(shared: &Weak<Shared>) -> bool {
    shared.upgrade().is_some_and(|shared| shared.may_be_asked(Instant::now()))
}

/// Until the next fetch; answers whether there is to be one.
async fn wait(shared: &Weak<Shared>, asked: &mut watch::Receiver<()>) -> bool {
    loop {
        let Some(moment) = shared.upgrade().map(|shared| shared.next_moment()) else { return false };
        match timeout_at(moment, asked.changed()).await {
            Ok(Ok(())) if is_allowed(shared) => return true,
            Ok(Err(_)) => return false,
            _ => {}
        }
        match shared.upgrade() {
            Some(shared) if !shared.is_due(Instant::now()) => shared.age(Instant::now()),
            Some(_) => return true,
            None => return false,
        }
    }
}
