//! Which services a request goes to.

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
use super::scatter::{Whole, for_one};
use crate::{BoxError, CorrelationId};

type Prepare = dyn Fn(&request::Parts, &Bytes) -> Request<Bytes> + Send + Sync;

/// How long a branch may take unless it is told.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// A service that is one branch of every request, with whatever layers it has.
#[derive(Clone)]
#[must_use]
pub struct Route<S> {
    name: Cow<'static, str>,
    service: S,
    is_required: bool,
    timeout: Duration,
    prepare: Option<Arc<Prepare>>,
}

impl<S> Route<S> {
    /// There is no answer without this service's.
    pub fn required(name: impl Into<Cow<'static, str>>, service: S) -> Self {
        Self { name: name.into(), service, is_required: true, timeout: TIMEOUT, prepare: None }
    }

    /// The answer of this service may be missing.
    pub fn optional(name: impl Into<Cow<'static, str>>, service: S) -> Self {
        Self { is_required: false, ..Self::required(name, service) }
    }

    /// The longest that it may take to become ready, to answer and to send its answer's body; 10 s unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes the service's request of the incoming one; the same request unless told, but for the
    /// [fields](super#headers-and-extensions) that are about the whole answer. [`Deadline`](crate::Deadline) and
    /// [`CorrelationId`] are added to its extensions.
    pub fn prepare(
        mut self,
        prepare: impl Fn(&request::Parts, &Bytes) -> Request<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.prepare = Some(Arc::new(prepare));
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    #[inline]
    pub(super) fn branch<B>(self, whole: &Whole<'_>) -> Branch<AnswerFuture<S, B>, Optional>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
        B: Body<Error: Into<BoxError>>,
    {
        let request = match &self.prepare {
            Some(prepare) => with_correlation(prepare(&whole.head, &whole.body), &whole.head),
            None => Request::from_parts(for_one(&whole.head), whole.body.clone()),
        };
        let Self { name, service, is_required, timeout, .. } = self;
        let settings = Arc::clone(whole.settings);
        Question { name, service, is_ready: false, request, is_required, timeout, settings }.into_branch()
    }
}

/// Which request it is stays known, whatever the new one is.
pub(super) fn with_correlation(mut request: Request<Bytes>, head: &request::Parts) -> Request<Bytes> {
    if let (None, Some(id)) =
        (request.extensions().get::<CorrelationId>(), head.extensions.get::<CorrelationId>())
    {
        let id = id.clone();
        request.extensions_mut().insert(id);
    }
    request
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("name", &self.name)
            .field("is_required", &self.is_required)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
