//! Around a client.

use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{Bound, DeadlineBody, DeadlineError, ResponseFuture, TooLate, fields};

/// Gives calls the time that their request has left. See the [module docs](super).
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct DeadlineLayer {
    time: Duration,
    needed: Duration,
    sends_on: bool,
    bounds_bodies: bool,
}

impl DeadlineLayer {
    /// A call takes no longer than `time`, body included, and no longer than the [`Deadline`](crate::Deadline) of its request.
    pub fn new(time: Duration) -> Self {
        Self { time, needed: Duration::from_millis(1), sends_on: true, bounds_bodies: true }
    }

    /// A call for which less than `time` is left is not made; 1 ms unless told.
    pub fn at_least(mut self, time: Duration) -> Self {
        self.needed = time;
        self
    }

    /// Writes no fields: for the outer one of two, whose call is no request yet.
    pub fn without_fields(mut self) -> Self {
        self.sends_on = false;
        self
    }

    /// Bounds the time until the head of the response is there and not that of its body, which may be a stream.
    pub fn head_only(mut self) -> Self {
        self.bounds_bodies = false;
        self
    }

    fn pass_on<B>(&self, request: &mut Request<B>, bound: Bound) {
        if self.sends_on {
            fields::write(request.headers_mut(), bound.given);
        }
        match request.extensions_mut().get_mut() {
            Some(known) => *known = bound.deadline,
            None => drop(request.extensions_mut().insert(bound.deadline)),
        }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService { inner, layer: *self }
    }
}

/// The service of [`DeadlineLayer`].
#[derive(Debug, Clone)]
pub struct DeadlineService<S> {
    inner: S,
    layer: DeadlineLayer,
}

impl<S, B, T> Service<Request<B>> for DeadlineService<S>
where
    S: Service<Request<B>, Response = Response<T>>,
{
    type Response = Response<DeadlineBody<T>>;
    type Error = DeadlineError<S::Error>;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(DeadlineError::Inner)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let bound = Bound::of(&request, self.layer.time);
        if bound.given < self.layer.needed || bound.given.is_zero() {
            return ResponseFuture::too_late(TooLate::new(bound.given, self.layer.needed));
        }
        self.layer.pass_on(&mut request, bound);
        ResponseFuture::called(self.inner.call(request), bound, self.layer.bounds_bodies)
    }
}
