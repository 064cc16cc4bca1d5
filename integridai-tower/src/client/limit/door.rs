//! In front of a service or a route.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::passage::{Ended, Passage};
use super::{ConcurrencyLimit, Overloaded};
use crate::client::{Classify, ClassifyHttp};
use crate::reject::refuse;
use crate::{EarlyBody, ProblemJson, Refusal, Reject};

impl Refusal for Overloaded {
    const LAYER: &'static str = "concurrency_limit";

    fn reason(&self) -> &'static str {
        self.cause.as_str()
    }

    fn status(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    fn detail(&self) -> Cow<'static, str> {
        "There is too much to do at the moment; see Retry-After.".into()
    }

    /// Whole seconds, rounded up.
    fn add_headers(&self, headers: &mut HeaderMap) {
        let seconds = self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, seconds.max(1).into());
    }
}

/// Lets so many requests through at once, and answers 503 otherwise. See the [module docs](super).
#[derive(Clone)]
#[must_use]
pub struct ConcurrencyLimitDoorLayer<C = ClassifyHttp> {
    limit: ConcurrencyLimit,
    classify: C,
    reject: Arc<dyn Reject<Overloaded>>,
}

impl ConcurrencyLimitDoorLayer {
    /// All requests go by this limit.
    pub fn new(limit: ConcurrencyLimit) -> Self {
        Self { limit, classify: ClassifyHttp, reject: Arc::new(ProblemJson) }
    }
}

impl<C> ConcurrencyLimitDoorLayer<C> {
    /// Says what an answer tells of the service's load, cloned with each call; [`ClassifyHttp`] unless told.
    pub fn classify<D>(self, classify: D) -> ConcurrencyLimitDoorLayer<D> {
        ConcurrencyLimitDoorLayer { limit: self.limit, classify, reject: self.reject }
    }

    /// Makes the response of a refusal; [`ProblemJson`] unless told.
    pub fn reject_with(mut self, reject: impl Reject<Overloaded> + 'static) -> Self {
        self.reject = Arc::new(reject);
        self
    }
}

impl<C> fmt::Debug for ConcurrencyLimitDoorLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimitDoorLayer").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<S, C: Clone> Layer<S> for ConcurrencyLimitDoorLayer<C> {
    type Service = ConcurrencyLimitDoor<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        ConcurrencyLimitDoor { inner, layer: self.clone() }
    }
}

/// The service of [`ConcurrencyLimitDoorLayer`].
#[derive(Debug, Clone)]
pub struct ConcurrencyLimitDoor<S, C = ClassifyHttp> {
    inner: S,
    layer: ConcurrencyLimitDoorLayer<C>,
}

impl<S, C, RequestBody, ResponseBody> Service<Request<RequestBody>> for ConcurrencyLimitDoor<S, C>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone,
    C: Classify<Response<ResponseBody>, S::Error> + Clone,
{
    type Response = Response<EarlyBody<ResponseBody>>;
    type Error = S::Error;
    type Future = DoorFuture<S, Request<RequestBody>, S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let ConcurrencyLimitDoorLayer { limit, classify, reject } = &self.layer;
        let passage = Passage::begin(limit, &mut self.inner, request, classify.clone());
        DoorFuture { passage, reject: Arc::clone(reject) }
    }
}

pin_project! {
    /// The future of [`ConcurrencyLimitDoor`].
    #[must_use = "futures do nothing unless polled"]
    pub struct DoorFuture<S, R, F, C> {
        #[pin]
        passage: Passage<S, R, F, C>,
        reject: Arc<dyn Reject<Overloaded>>,
    }
}

impl<S, C, RequestBody, ResponseBody> Future for DoorFuture<S, Request<RequestBody>, S::Future, C>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    C: Classify<Response<ResponseBody>, S::Error>,
{
    type Output = Result<Response<EarlyBody<ResponseBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.passage.poll(context)) {
            Ended::Answered(answer) => answer.map(|response| response.map(EarlyBody::inner)),
            Ended::Refused(overloaded, request) => {
                let (head, _) = request.into_parts();
                Ok(refuse(this.reject, overloaded, &head).map(EarlyBody::early))
            }
        })
    }
}

impl<S, R, F, C> fmt::Debug for DoorFuture<S, R, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DoorFuture").field(&self.passage.state()).finish()
    }
}
