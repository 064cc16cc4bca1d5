//! What one service answers: the whole response in memory, within its limits.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, response};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use super::branch::{Branch, Optional, Report};
use super::collect::{Collect, Unread};
use super::options::Settings;
use crate::{Attempts, BoxError, BranchEnd, Deadline};

/// Why a service gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It was not ready, or failed.
    #[error("the service failed: {0}")]
    Service(#[source] BoxError),
    /// Its answer broke off.
    #[error("the answer broke off: {0}")]
    Body(#[source] BoxError),
    /// Its answer is longer than this, in bytes.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// [`FanOutOptions::max_answer_bytes`](super::FanOutOptions::max_answer_bytes).
        limit: usize,
    },
    /// Its answer is not [accepted](super::Merge::accept).
    #[error("the answer, of status {}, is not accepted", .0.status())]
    Rejected(Box<Response<Bytes>>),
}

/// What a branch of a fan-out ends with.
pub(super) type AnswerResult = Result<Response<Bytes>, AnswerError>;

/// What is told of an answer.
pub(super) fn report(result: &AnswerResult) -> Report {
    let tell = |end, response: &Response<Bytes>| Report {
        end: Some(end),
        status: Some(response.status()),
        attempts: response.extensions().get().map(|attempts: &Attempts| attempts.count()),
    };
    match result {
        Ok(response) => tell(BranchEnd::Succeeded, response),
        Err(AnswerError::Rejected(response)) => tell(BranchEnd::Rejected, response),
        Err(AnswerError::TooLarge { .. }) => Report { end: Some(BranchEnd::TooLarge), ..Report::default() },
        Err(_) => Report::default(),
    }
}

/// Who is asked, and what for.
pub(super) struct Question<S> {
    pub(super) name: Cow<'static, str>,
    pub(super) service: S,
    pub(super) is_ready: bool,
    pub(super) request: Request<Bytes>,
    pub(super) is_required: bool,
    pub(super) timeout: Duration,
    pub(super) settings: Arc<Settings>,
}

pin_project! {
    /// A service becomes ready, is called, and its answer read.
    pub struct AnswerFuture<S, B>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        name: Cow<'static, str>,
        settings: Arc<Settings>,
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<Request<Full<Bytes>>>,
    {
        New { service: S, is_ready: bool, request: Option<Request<Full<Bytes>>> },
        Called { #[pin] response: S::Future },
        Reading { head: Option<response::Parts>, #[pin] body: Collect<B> },
    }
}

impl<S> Question<S> {
    #[inline]
    pub(super) fn into_branch<B>(self) -> Branch<AnswerFuture<S, B>, Optional>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
        B: Body<Error: Into<BoxError>>,
    {
        let Self { name, service, is_ready, request, is_required, timeout, settings } = self;
        let request = Some(request.map(Full::new));
        let future =
            AnswerFuture { name: name.clone(), settings, state: State::New { service, is_ready, request } };
        // In one piece: a builder would move the request from step to step.
        Branch {
            name,
            future,
            is_required,
            timeout: Some(timeout),
            report,
            on_start: AnswerFuture::start,
            need: PhantomData,
        }
    }
}

impl<S, B> AnswerFuture<S, B>
where
    S: Service<Request<Full<Bytes>>>,
{
    /// The service is told until when it is waited for: the time runs from here on, and not from when it is ready.
    fn start(self: Pin<&mut Self>, expiry: Option<Instant>) {
        let StateProjection::New { request: Some(request), .. } = self.project().state.project() else {
            return;
        };
        let known = request.extensions().get::<Deadline>().copied();
        if let Some(deadline) = known.into_iter().chain(expiry.map(Deadline::at)).min() {
            request.extensions_mut().insert(deadline);
        }
    }
}

impl<S, B> Future for AnswerFuture<S, B>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Error: Into<BoxError>>,
{
    type Output = AnswerResult;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<AnswerResult> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::New { service, is_ready, request } => {
                    if !*is_ready {
                        let is_ready = ready!(service.poll_ready(context));
                        is_ready.map_err(|error| AnswerError::Service(error.into()))?;
                    }
                    let request = request.take().expect("a future is not polled after its completion");
                    State::Called { response: service.call(request) }
                }
                StateProjection::Called { response } => {
                    let response = ready!(response.poll(context));
                    let response = response.map_err(|error| AnswerError::Service(error.into()))?;
                    let (head, body) = response.into_parts();
                    let body = Collect::new(body, this.settings.max_answer_bytes);
                    State::Reading { head: Some(head), body }
                }
                StateProjection::Reading { head, body } => {
                    let body = ready!(body.poll(context));
                    let body = body.map_err(|error| unread(error, this.settings.max_answer_bytes))?;
                    let head = head.take().expect("a future is not polled after its completion");
                    let response = Response::from_parts(head, body);
                    return Poll::Ready(accept(this.settings, this.name, response));
                }
            };
            this.state.set(next);
        }
    }
}

fn unread<E: Into<BoxError>>(unread: Unread<E>, limit: usize) -> AnswerError {
    match unread {
        Unread::TooLarge => AnswerError::TooLarge { limit },
        Unread::Broken(error) => AnswerError::Body(error.into()),
    }
}

fn accept(settings: &Settings, name: &str, response: Response<Bytes>) -> AnswerResult {
    if settings.merge.accept(name, &response) {
        Ok(response)
    } else {
        Err(AnswerError::Rejected(Box::new(response)))
    }
}
