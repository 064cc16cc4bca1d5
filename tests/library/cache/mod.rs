//! The cache layer over a probe: its contract, what concurrent requests share, and what clients never see of each other.

mod clients;
mod coalescing;
mod contract;
mod counted;
mod landing;
mod parts;
mod revalidation;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full};
use integridai_tower::cache::{Background, Cache, CacheBody, CacheLayer, CacheOutcome, MemoryStore};
use integridai_tower::{BoxError, Clock, Principal, Refused};
use tower::{Layer, Service, ServiceExt, service_fn};

type Ask = Request<Empty<Bytes>>;
type Answer = Response<Full<Bytes>>;

/// All that a client sees.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: http::HeaderMap,
    outcome: Option<CacheOutcome>,
    body: Bytes,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

async fn read<B>(response: Response<CacheBody<B>>) -> Reply
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (head, body) = response.into_parts();
    Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        outcome: CacheOutcome::of(&head.extensions),
        body: body.collect().await.unwrap().to_bytes(),
    }
}

fn get(path: &str) -> Ask {
    Request::get(path).header("host", "origin.test").body(Empty::new()).unwrap()
}

fn answer(lines: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let response =
        lines.iter().fold(Response::builder(), |response, (name, value)| response.header(*name, *value));
    response.body(Full::new(body.into())).unwrap()
}

fn stopped() -> (CacheLayer, Clock) {
    let clock = Clock::stopped(Duration::from_secs(1_800_000_000));
    (CacheLayer::new(MemoryStore::new(64 << 20).unwrap()).clock(clock.clone()), clock)
}

fn layer() -> CacheLayer {
    stopped().0
}

/// A body in pieces, one in each 10 milliseconds; it breaks off after `breaks_after` of them.
struct Paced {
    pieces: Vec<&'static str>,
    breaks_after: usize,
    sent: usize,
    wait: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Paced {
    fn new(pieces: &[&'static str]) -> Self {
        Self { pieces: pieces.to_vec(), breaks_after: usize::MAX, sent: 0, wait: None }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        let wait = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_millis(10))));
        std::task::ready!(wait.as_mut().poll(context));
        self.wait = None;
        if self.sent == self.breaks_after {
            return Poll::Ready(Some(Err("broken off")));
        }
        let piece = self.pieces.get(self.sent).copied();
        self.sent += 1;
        Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
    }
}
