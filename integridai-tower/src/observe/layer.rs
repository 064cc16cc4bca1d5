use std::sync::Arc;

use http::request;
use tower_layer::Layer;

use super::observer::Observe;
use super::route::RouteBy;
use super::service::Observed;

/// Hands one [`Exchange`](super::Exchange) per request to an observer. See the [module docs](super).
#[derive(Debug)]
#[must_use]
pub struct ObserveLayer<O> {
    observer: Arc<O>,
    route_by: RouteBy,
}

impl<O: Observe> ObserveLayer<O> {
    /// Observes with `observer`; exchanges have no route.
    pub fn new(observer: O) -> Self {
        Self { observer: Arc::new(observer), route_by: RouteBy::default() }
    }

    /// Names the route of each request: a low-cardinality stand-in for its path, such as `/users/{id}`.
    ///
    /// Where only the inner service knows the route, let it leave the name in the response's extensions and take
    /// it from there in [`Observe::answered`].
    pub fn route_by(
        mut self,
        name: impl Fn(&request::Parts) -> Option<Arc<str>> + Send + Sync + 'static,
    ) -> Self {
        self.route_by = RouteBy::new(name);
        self
    }
}

// By hand: the observer is shared, so it need not be `Clone`.
impl<O> Clone for ObserveLayer<O> {
    fn clone(&self) -> Self {
        Self { observer: Arc::clone(&self.observer), route_by: self.route_by.clone() }
    }
}

impl<S, O> Layer<S> for ObserveLayer<O> {
    type Service = Observed<S, O>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed::new(inner, Arc::clone(&self.observer), self.route_by.clone())
    }
}
