//! A request on its way through a fan-out.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderName, Request, Response, request};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;

use super::collect::{Collect, Unread};
use super::engine;
use super::gather::{Gather, Gathered};
use super::merge::Answers;
use super::options::Settings;
use super::refusal::FanOutFailed;
use super::scatter::{Scatter, Scattered, Whole};
use super::server_timing::{missing, server_timing};
use crate::reject::refuse;
use crate::{BoxError, BranchOutcomes, Deadline};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Names the optional branches whose answers are missing, as a list of tokens (RFC 9651).
pub const MISSING: HeaderName = HeaderName::from_static("fan-out-missing");

pin_project! {
    /// The future of [`FanOut`](super::FanOut) and [`Split`](super::Split).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<W: Scatter, B, E> {
        settings: Arc<Settings>,
        #[pin]
        state: State<W, B>,
        error: PhantomData<fn() -> E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<W: Scatter, B> {
        Collecting { head: Option<request::Parts>, work: Option<W>, #[pin] body: Collect<B> },
        Gathering { head: request::Parts, #[pin] gather: Gather<W::Branches> },
        Answered { response: Option<Response<Bytes>> },
    }
}

impl<W: Scatter, B: Body<Error: Into<BoxError>>, E> ResponseFuture<W, B, E> {
    #[inline]
    pub(super) fn new(request: Request<B>, work: W, settings: Arc<Settings>) -> Self {
        let (head, body) = request.into_parts();
        let state = if body.is_end_stream() {
            State::begin(head, Bytes::new(), work, &settings)
        } else {
            State::Collecting {
                head: Some(head),
                work: Some(work),
                body: Collect::new(body, settings.max_request_bytes),
            }
        };
        Self { settings, state, error: PhantomData }
    }
}

impl<W: Scatter, B> State<W, B> {
    #[inline]
    fn begin(head: request::Parts, body: Bytes, work: W, settings: &Arc<Settings>) -> Self {
        let whole = Whole::new(head, body, settings);
        match work.scatter(&whole) {
            Scattered::Branches(branches) => {
                let Settings { policy, concurrency, .. } = **settings;
                let deadline = whole.deadline.map(Deadline::instant);
                let gather = Gather::new(branches, engine::Settings { policy, concurrency, deadline });
                Self::Gathering { head: whole.head, gather }
            }
            Scattered::Answer(response) => Self::Answered { response: Some(response) },
            Scattered::Refused(refusal) => Self::refused(settings, refusal, &whole.head),
        }
    }

    fn refused(settings: &Settings, refusal: FanOutFailed, head: &request::Parts) -> Self {
        Self::Answered { response: Some(refuse(&settings.reject, refusal, head)) }
    }
}

impl<W, B, E> Future for ResponseFuture<W, B, E>
where
    W: Scatter,
    B: Body<Error: Into<BoxError>>,
{
    type Output = Result<Response<Full<Bytes>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Collecting { head, work, body } => {
                    let body = ready!(body.poll(context));
                    let taken = head.take().zip(work.take());
                    let (head, work) = taken.expect("a future is not polled after its completion");
                    match body {
                        Ok(body) => State::begin(head, body, work, this.settings),
                        Err(error) => State::refused(this.settings, unread(error), &head),
                    }
                }
                StateProjection::Gathering { head, gather } => {
                    let response = match ready!(gather.poll(context)) {
                        Ok(Gathered { values, outcomes }) => {
                            let answers = Answers::new(W::answers(values), outcomes.clone());
                            let mut merged = this.settings.merge.merge(answers);
                            if let Some(value) = missing(&outcomes) {
                                merged.headers_mut().insert(MISSING, value);
                            }
                            tell(merged, outcomes, this.settings)
                        }
                        Err(error) => {
                            let (refusal, outcomes) = FanOutFailed::of(error);
                            tell(refuse(&this.settings.reject, refusal, head), outcomes, this.settings)
                        }
                    };
                    return Poll::Ready(Ok(response.map(Full::new)));
                }
                StateProjection::Answered { response } => {
                    let response = response.take().expect("a future is not polled after its completion");
                    return Poll::Ready(Ok(response.map(Full::new)));
                }
            };
            this.state.set(next);
        }
    }
}

fn unread<E: Into<BoxError>>(unread: Unread<E>) -> FanOutFailed {
    match unread {
        Unread::TooLarge => FanOutFailed::request_too_large(),
        Unread::Broken(error) => FanOutFailed::request_broken(error.into()),
    }
}

/// Puts how the branches ended where clients and other layers find it.
fn tell(mut response: Response<Bytes>, outcomes: BranchOutcomes, settings: &Settings) -> Response<Bytes> {
    if settings.server_timing
        && let Some(value) = server_timing(&outcomes)
    {
        response.headers_mut().append(SERVER_TIMING, value);
    }
    response.extensions_mut().insert(outcomes);
    response
}

impl<W: Scatter, B, E> fmt::Debug for ResponseFuture<W, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
