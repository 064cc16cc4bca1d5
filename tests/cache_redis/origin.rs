//! What the replicas ask: one state, whose version is in every answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use tokio::sync::watch;
use tower::Service;

#[derive(Clone, Default)]
pub(crate) struct Origin(Arc<State>);

struct State {
    version: AtomicUsize,
    calls: AtomicUsize,
    fails: AtomicBool,
    is_open: watch::Sender<bool>,
    is_slow: bool,
}

impl Default for State {
    fn default() -> Self {
        let (version, calls, fails) = (AtomicUsize::new(1), AtomicUsize::new(0), AtomicBool::new(false));
        Self { version, calls, fails, is_open: watch::Sender::new(true), is_slow: false }
    }
}

impl Origin {
    /// Others get their turn between what it answers and when the answer comes.
    pub(crate) fn slow() -> Self {
        Self(Arc::new(State { is_slow: true, ..State::default() }))
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Answers are others from now on; the number of this state.
    pub(crate) fn change(&self) -> usize {
        self.0.version.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn fails(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    /// Each GET that comes from now on waits with what it was answered.
    pub(crate) fn hold(&self) {
        self.0.is_open.send_replace(false);
    }

    pub(crate) fn release(&self) {
        self.0.is_open.send_replace(true);
    }
}

/// By its path: `/vary/…` differs by encoding, `/large/…` has much content; all have their first segment as a tag.
fn answer(request: &Request<Empty<Bytes>>, version: usize) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let tag = format!("\"{version}\"");
    let mut answer = Response::new(Full::default());
    if request.method() != Method::GET {
        return answer;
    }
    let fields = answer.headers_mut();
    fields.insert(CACHE_CONTROL, "max-age=3600".parse().unwrap());
    fields.insert(ETAG, tag.parse().unwrap());
    fields.insert("cache-tag", path.split('/').nth(1).unwrap().parse().unwrap());
    if path.starts_with("/vary/") {
        fields.insert(VARY, "accept-encoding".parse().unwrap());
    }
    if request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
    }
    let encoding = request.headers().get(ACCEPT_ENCODING).map_or("", |line| line.to_str().unwrap());
    let filling = if path.starts_with("/large/") { noise(100_000) } else { Vec::new() };
    let content = [format!("{version}{encoding}").as_bytes(), &filling].concat();
    *answer.body_mut() = Full::new(content.into());
    answer
}

/// What no compression makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..length).map(|_| next()).collect()
}

impl Service<Request<Empty<Bytes>>> for Origin {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let answer = answer(&request, self.0.version.load(Ordering::SeqCst));
        let fails = self.0.fails.load(Ordering::SeqCst);
        let mut is_open = self.0.is_open.subscribe();
        let is_held = request.method() == Method::GET;
        let turns = if self.0.is_slow { 100 } else { 0 };
        Box::pin(async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            is_open.wait_for(|is_open| *is_open || !is_held).await.unwrap();
            if fails { Err("it fails") } else { Ok(answer) }
        })
    }
}
