//! In front of a server: the time that its client leaves.

use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::Bound;

/// Reads from a request how long its client waits, and puts that into its extensions as a [`Deadline`](crate::Deadline).
///
/// `X-Request-Deadline` (milliseconds) and `grpc-timeout` are read; what cannot be read counts as not there. A client can
/// only shorten the time that the server gives, and a [`Deadline`](crate::Deadline) that is there already is never moved back.
///
/// It enforces nothing: whoever works for the request asks the deadline, and [`DeadlineLayer`](super::DeadlineLayer) around
/// the clients that it uses sends it on.
///
/// ```
/// use std::time::Duration;
/// use http::{Request, Response};
/// use integridai_tower::Deadline;
/// use integridai_tower::client::deadline::ReadDeadlineLayer;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = ReadDeadlineLayer::new(Duration::from_secs(30)).layer(service_fn(async |request: Request<()>| {
///     let deadline = request.extensions().get::<Deadline>().expect("each request has one");
///     Ok::<_, std::convert::Infallible>(Response::new(deadline.remaining()))
/// }));
/// let request = Request::get("/").header("x-request-deadline", "1500").body(())?;
/// assert!(service.oneshot(request).await?.into_body() <= Duration::from_millis(1500));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct ReadDeadlineLayer {
    time: Duration,
}

impl ReadDeadlineLayer {
    /// A request has `time` at most, whatever its client says.
    pub fn new(time: Duration) -> Self {
        Self { time }
    }
}

impl<S> Layer<S> for ReadDeadlineLayer {
    type Service = ReadDeadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadDeadline { inner, time: self.time }
    }
}

/// The service of [`ReadDeadlineLayer`].
#[derive(Debug, Clone)]
pub struct ReadDeadline<S> {
    inner: S,
    time: Duration,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for ReadDeadline<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let bound = Bound::of(&request, self.time);
        request.extensions_mut().insert(bound.deadline);
        self.inner.call(request)
    }
}
