//! One request becomes several to the same service.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, request};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::answer::{AnswerFuture, Question};
use super::branch::{Branch, Optional};
use super::merge::Answer;
use super::refusal::FanOutFailed;
use super::route::{TIMEOUT, with_correlation};
use super::scatter::{Scatter, Scattered, Whole};
use crate::BoxError;

/// Says which requests answer a request. Closures implement it that return `Vec<Part>`, `Response<Bytes>` or [`Division`].
pub trait SplitRequest: Send + Sync {
    /// The parts of the request with this head and body.
    fn split(&self, head: &request::Parts, body: &Bytes) -> Division;
}

impl<F, D> SplitRequest for F
where
    F: Fn(&request::Parts, &Bytes) -> D + Send + Sync,
    D: Into<Division>,
{
    fn split(&self, head: &request::Parts, body: &Bytes) -> Division {
        self(head, body).into()
    }
}

/// What a request is split into.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is moved once")]
pub enum Division {
    /// Several requests.
    Parts(Vec<Part>),
    /// None: this is the answer, such as that the request makes no sense.
    Answer(Response<Bytes>),
}

impl From<Vec<Part>> for Division {
    fn from(parts: Vec<Part>) -> Self {
        Self::Parts(parts)
    }
}

impl From<Response<Bytes>> for Division {
    fn from(answer: Response<Bytes>) -> Self {
        Self::Answer(answer)
    }
}

/// One of the requests that answer a request.
#[derive(Debug)]
#[must_use]
pub struct Part {
    name: Cow<'static, str>,
    request: Request<Bytes>,
    is_required: bool,
    timeout: Duration,
}

impl Part {
    /// There is no answer without this one's.
    pub fn required(name: impl Into<Cow<'static, str>>, request: Request<Bytes>) -> Self {
        Self { name: name.into(), request, is_required: true, timeout: TIMEOUT }
    }

    /// The answer of this one may be missing.
    pub fn optional(name: impl Into<Cow<'static, str>>, request: Request<Bytes>) -> Self {
        Self { is_required: false, ..Self::required(name, request) }
    }

    /// The longest that it may take; 10 s unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// The service that was polled ready, and how to split a request for it.
pub struct Splitting<S, P> {
    pub(super) ready: S,
    pub(super) split: Arc<P>,
}

impl<S, P, B> Scatter for Splitting<S, P>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>> + Clone,
    P: SplitRequest,
    B: Body<Error: Into<BoxError>>,
{
    type Branches = Vec<Branch<AnswerFuture<S, B>, Optional>>;

    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        let parts = match self.split.split(&whole.head, &whole.body) {
            Division::Answer(response) => return Scattered::Answer(response),
            Division::Parts(parts) if parts.len() > whole.settings.max_parts => {
                return Scattered::Refused(FanOutFailed::too_many_parts());
            }
            Division::Parts(parts) => parts,
        };
        // The first part is for the instance that is ready, the others make a clone ready each.
        let behind_first = parts.len().saturating_sub(1);
        let others = std::iter::repeat_n(self.ready.clone(), behind_first).map(|service| (service, false));
        let services = std::iter::once((self.ready, true)).chain(others);
        let branches = parts.into_iter().zip(services);
        Scattered::Branches(branches.map(|(part, service)| part.branch(service, whole)).collect())
    }

    fn answers(values: Vec<Answer>) -> Vec<Answer> {
        values
    }
}

impl Part {
    fn branch<S, B>(
        self,
        (service, is_ready): (S, bool),
        whole: &Whole<'_>,
    ) -> Branch<AnswerFuture<S, B>, Optional>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
        B: Body<Error: Into<BoxError>>,
    {
        let Self { name, request, is_required, timeout } = self;
        let (request, settings) = (with_correlation(request, &whole.head), Arc::clone(whole.settings));
        Question { name, service, is_ready, request, is_required, timeout, settings }.into_branch()
    }
}

impl<S, P> fmt::Debug for Splitting<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splitting").finish_non_exhaustive()
    }
}
