use std::fmt;
use std::sync::Arc;

use http::request;

type Name = dyn Fn(&request::Parts) -> Option<Arc<str>> + Send + Sync;

/// Names a request's route.
#[derive(Clone, Default)]
pub(super) struct RouteBy(Option<Arc<Name>>);

impl RouteBy {
    pub(super) fn new(name: impl Fn(&request::Parts) -> Option<Arc<str>> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(name)))
    }

    pub(super) fn route(&self, request: &request::Parts) -> Option<Arc<str>> {
        self.0.as_ref().and_then(|name| name(request))
    }
}

impl fmt::Debug for RouteBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "RouteBy(closure)" } else { "RouteBy(none)" })
    }
}
