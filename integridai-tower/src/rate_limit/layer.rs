use std::sync::Arc;
use std::time::Duration;

use http::response;
use tower_layer::Layer;

use super::door::Door;
use super::service::RateLimit;
use super::{Admit, Fields, KeyBy, RateLimited, RequestHead, WithoutKey};
use crate::Reject;

/// Limits how often somebody may ask. See the [module docs](super).
#[derive(Debug, Clone)]
#[must_use]
pub struct RateLimitLayer {
    door: Arc<Door>,
}

impl RateLimitLayer {
    /// Counts requests by `key_by` and asks `limiter` whether there is something left for each.
    pub fn new(limiter: impl Admit + 'static, key_by: impl KeyBy + 'static) -> Self {
        Self { door: Arc::new(Door::new(Arc::new(limiter), Arc::new(key_by))) }
    }

    /// What a request costs; 1 unless told. One that costs nothing is admitted and counts for nothing.
    pub fn cost(self, cost: impl Fn(&RequestHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.set(|door| door.cost = Some(Arc::new(cost)))
    }

    /// What becomes of requests for which there is no key; they share one quota unless told.
    pub fn without_key(self, without_key: WithoutKey) -> Self {
        self.set(|door| door.without_key = without_key)
    }

    /// Lets requests pass without counting them where `exempt` says so, such as those of a health check.
    pub fn exempt_if(self, exempt: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.set(|door| door.exempt_if = Some(Arc::new(exempt)))
    }

    /// Gives back what a request took where `refund` says so of its response, or of `None`: that the inner service failed.
    /// What is shared by replicas is given back before the response goes on.
    ///
    /// The fields of such a response tell what was left before that.
    pub fn refund_if(
        self,
        refund: impl Fn(Option<&response::Parts>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.set(|door| door.refund_if = Some(Arc::new(refund)))
    }

    /// Keeps a request waiting for its turn, up to this long, rather than refuse it. It waits on tokio's clock, in the order of
    /// arrival; one that is dropped meanwhile gives its place back.
    pub fn wait_up_to(self, patience: Duration) -> Self {
        self.set(|door| door.patience = patience)
    }

    /// Which fields responses get.
    pub fn fields(self, fields: Fields) -> Self {
        self.set(|door| door.fields = fields)
    }

    /// Leaves a [`Verdict`](super::Verdict) in the extensions of the responses of admitted requests too, for layers further out. Of
    /// several limits the strictest is left.
    pub fn keep_verdict(self) -> Self {
        self.set(|door| door.keeps_verdict = true)
    }

    /// Lets everything pass at once, also where a request would [wait](Self::wait_up_to). A response whose request would have been refused has a [`WouldRefuse`](crate::WouldRefuse) in its
    /// extensions, and the fields tell of the quota as ever.
    pub fn shadow(self) -> Self {
        self.set(|door| door.is_shadow = true)
    }

    /// Makes the response of a refusal; [`ProblemJson`](crate::ProblemJson) unless told. The layer's fields are added to it.
    pub fn reject_with(self, reject: impl Reject<RateLimited> + 'static) -> Self {
        self.set(|door| door.reject = Arc::new(reject))
    }

    fn set(mut self, setting: impl FnOnce(&mut Door)) -> Self {
        setting(Arc::make_mut(&mut self.door));
        self
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit::new(inner, Arc::clone(&self.door))
    }
}
