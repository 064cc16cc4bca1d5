//! How fast a client has to send a request's content, whoever reads it: otherwise a few bytes now and then would hold what has been
//! set aside for the request for as long as any request may take.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, Bytes};
use http::header::CONTENT_TYPE;
use http::{Version, request};
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tower::BoxError;

use crate::config::ServerConfig;

/// The least that is asked of a client. Only the time counts that is spent waiting for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    first: Duration,
    window: Duration,
    bytes_per_second: u32,
}

/// Whether the content was given up because it came too slowly.
#[derive(Debug, Clone, Default)]
pub(super) struct Slowness(Arc<AtomicBool>);

impl Pace {
    pub(super) fn new(server: &ServerConfig) -> Self {
        Self {
            first: server.body_first_byte_timeout_seconds.get(),
            window: server.body_rate_window_seconds.get(),
            bytes_per_second: u32::try_from(server.min_body_bytes_per_second.get()).unwrap_or(u32::MAX),
        }
    }

    /// The content, and where to see afterwards whether it was given up. Calls of gRPC may pause: their messages are sent when there
    /// is something to say, and share their connection with others.
    pub(super) fn apply<B>(self, request: &request::Parts, body: B) -> (Body, Option<Slowness>)
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() || is_grpc(request) {
            return (Body::new(body), None);
        }
        let slowness = Slowness::default();
        let allowance = Allowance { left: self.first, has_begun: false, pace: self };
        let paced = Paced { body, allowance, waiting: None, timer: None, slowness: slowness.clone() };
        (Body::new(paced), Some(slowness))
    }
}

impl Slowness {
    pub(super) fn was_seen(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

fn is_grpc(request: &request::Parts) -> bool {
    let content_type = request.headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    request.version == Version::HTTP_2
        && content_type.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// How long the client may still be waited for: what it sends earns it time, up to a window of it.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    left: Duration,
    has_begun: bool,
    pace: Pace,
}

impl Allowance {
    fn spend(&mut self, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
    }

    fn earn(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            self.left = self.pace.window;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(bytes.into()) / self.pace.bytes_per_second;
        self.left = self.left.saturating_add(earned).min(self.pace.window);
    }
}

pin_project! {
    /// Content that has to come at a pace.
    struct Paced<B> {
        #[pin]
        body: B,
        allowance: Allowance,
        waiting: Option<Instant>,
        timer: Option<Pin<Box<Sleep>>>,
        slowness: Slowness,
    }
}

/// The client was waited for too long.
#[derive(Debug, thiserror::Error)]
#[error("the client sends its content too slowly")]
struct TooSlow;

impl<B> http_body::Body for Paced<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(context) {
            if let Some(since) = this.waiting.take() {
                this.allowance.spend(since.elapsed());
            }
            if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
                this.allowance.earn(data.map_or(0, Buf::remaining));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let left = this.allowance.left;
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(left)));
        if this.waiting.is_none() {
            let now = Instant::now();
            *this.waiting = Some(now);
            timer.as_mut().reset(now + left);
        }
        timer.as_mut().poll(context).map(|()| {
            this.slowness.0.store(true, Ordering::Release);
            Some(Err(TooSlow.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use http::Request;
    use http_body_util::BodyExt;

    use super::*;

    const PACE: Pace =
        Pace { first: Duration::from_secs(30), window: Duration::from_secs(10), bytes_per_second: 100 };

    fn parts(version: Version, content_type: &str) -> request::Parts {
        Request::post("/")
            .version(version)
            .header(CONTENT_TYPE, content_type)
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    /// Pieces of so many bytes, each after so many seconds; how many bytes arrived, and whether it was given up.
    async fn sent(pieces: &[(u64, usize)]) -> (usize, bool) {
        let pieces: Vec<_> = pieces.to_vec();
        let pieces = stream::iter(pieces).then(async |(seconds, bytes)| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, BoxError>(Bytes::from(vec![b'a'; bytes]))
        });
        let body = Body::from_stream(Box::pin(pieces));
        let (mut paced, slowness) = PACE.apply(&parts(Version::HTTP_11, "text/plain"), body);
        let mut arrived = 0;
        while let Some(frame) = paced.frame().await {
            match frame {
                Ok(frame) => arrived += frame.into_data().unwrap().len(),
                Err(_) => break,
            }
        }
        (arrived, slowness.unwrap().was_seen())
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_fast_enough_is_waited_for() {
        assert_eq!(sent(&[(29, 1), (9, 1000), (9, 1000), (9, 1)]).await, (2002, false));
        assert_eq!(sent(&[(0, 100); 100]).await, (10_000, false));
        assert_eq!(sent(&[(1, 100); 100]).await, (10_000, false));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_begin_or_trickles_is_not() {
        assert_eq!(sent(&[(31, 1)]).await, (0, true));
        assert_eq!(sent(&[(0, 1), (11, 1)]).await, (1, true));
        let (arrived, is_slow) = sent(&[(1, 1); 100]).await;
        assert!(is_slow && arrived < 15, "{arrived}");
        let (arrived, is_slow) = sent(&[(2, 100); 100]).await;
        assert!(is_slow && arrived < 1_500, "{arrived}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_early_does_not_last_for_ever() {
        assert_eq!(sent(&[(0, 1_000_000), (11, 1)]).await, (1_000_000, true));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_slow_reader_is_not_the_clients() {
        let body =
            Body::from_stream(stream::iter((0..5).map(|_| Ok::<_, BoxError>(Bytes::from_static(b"a")))));
        let (mut paced, slowness) = PACE.apply(&parts(Version::HTTP_11, "text/plain"), body);
        while paced.frame().await.is_some() {
            tokio::time::sleep(Duration::from_secs(100)).await;
        }
        assert!(!slowness.unwrap().was_seen());
    }

    #[test]
    fn what_has_no_content_and_calls_of_grpc_are_not_timed() {
        for (version, content_type, body, is_timed) in [
            (Version::HTTP_11, "text/plain", Body::from("a"), true),
            (Version::HTTP_11, "text/plain", Body::empty(), false),
            (Version::HTTP_11, "application/grpc", Body::from("a"), true),
            (Version::HTTP_2, "application/grpc+proto", Body::from("a"), false),
        ] {
            let (_, slowness) = PACE.apply(&parts(version, content_type), body);
            assert_eq!(slowness.is_some(), is_timed, "{version:?} {content_type}");
        }
    }
}
