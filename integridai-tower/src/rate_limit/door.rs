//! What a layer and all its services share: by what to count, whom to ask, and what becomes of the answer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, request, response};

use super::charge::Charge;
use super::{Admit, Ask, Attempt, Fields, Key, KeyBy, Outcome, RateLimited, Standing, Verdict};
use crate::reject::refuse;
use crate::{ProblemJson, Refusal, Refused, Reject, WouldRefuse};

type Cost = Arc<dyn Fn(&request::Parts) -> u32 + Send + Sync>;
type Predicate = Arc<dyn Fn(&request::Parts) -> bool + Send + Sync>;
type RefundIf = Arc<dyn Fn(Option<&response::Parts>) -> bool + Send + Sync>;

#[derive(Clone)]
pub(super) struct Door {
    pub(super) limiter: Arc<dyn Admit>,
    pub(super) key_by: Arc<dyn KeyBy>,
    pub(super) without_key: WithoutKey,
    pub(super) cost: Option<Cost>,
    pub(super) exempt_if: Option<Predicate>,
    pub(super) refund_if: Option<RefundIf>,
    pub(super) patience: Duration,
    pub(super) fields: Fields,
    pub(super) is_shadow: bool,
    pub(super) reject: Arc<dyn Reject<RateLimited>>,
}

/// What becomes of a request that has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WithoutKey {
    /// All of them share one quota.
    #[default]
    Share,
    /// It is refused with 400.
    Refuse,
    /// It is not limited.
    Admit,
}

/// What becomes of a request.
pub(super) enum Passage {
    Admitted(request::Parts, Stamp),
    Refused(Response<Bytes>),
    Undecided(Pin<Box<dyn Future<Output = Self> + Send>>),
}

/// What its response is told, and what it took.
#[derive(Default)]
pub(super) struct Stamp {
    verdict: Option<Verdict>,
    would_refuse: Option<WouldRefuse>,
    /// Kept where it may have to be given back.
    charge: Option<Box<Charge>>,
}

impl Door {
    pub(super) fn new(limiter: Arc<dyn Admit>, key_by: Arc<dyn KeyBy>) -> Self {
        Self {
            limiter,
            key_by,
            without_key: WithoutKey::default(),
            cost: None,
            exempt_if: None,
            refund_if: None,
            patience: Duration::ZERO,
            fields: Fields::default(),
            is_shadow: false,
            reject: Arc::new(ProblemJson),
        }
    }

    pub(super) fn open(self: &Arc<Self>, request: request::Parts) -> Passage {
        if self.exempt_if.as_ref().is_some_and(|is_exempt| is_exempt(&request)) {
            return Passage::Admitted(request, Stamp::default());
        }
        let key = match (self.key_by.key(&request), self.without_key) {
            (Some(key), _) => key,
            (None, WithoutKey::Share) => Key::new(),
            (None, WithoutKey::Admit) => return Passage::Admitted(request, Stamp::default()),
            (None, WithoutKey::Refuse) => return self.refuse(RateLimited::without_key(), None, request),
        };
        let cost = self.cost.as_ref().map_or(1, |cost| cost(&request));
        match self.limiter.admit(&Ask { key: &key, cost, patience: self.patience }) {
            Attempt::Decided(verdict) => self.pass(verdict, key, cost, request),
            Attempt::Waiting(verdict) => {
                let door = Arc::clone(self);
                Passage::Undecided(Box::pin(async move { door.pass(verdict.await, key, cost, request) }))
            }
        }
    }

    fn pass(&self, verdict: Verdict, key: Key, cost: u32, request: request::Parts) -> Passage {
        let Outcome::Admitted { wait } = verdict.outcome() else {
            return self.refuse(RateLimited::by(verdict), Some(verdict), request);
        };
        let stamp = Stamp { verdict: Some(verdict), ..Stamp::default() };
        if wait.is_zero() && self.refund_if.is_none() {
            return Passage::Admitted(request, stamp);
        }
        let charge = Charge::new(Arc::clone(&self.limiter), key, cost);
        if wait.is_zero() {
            return Passage::Admitted(request, Stamp { charge: Some(Box::new(charge)), ..stamp });
        }
        let keeps_charge = self.refund_if.is_some();
        // Its time runs from now on, and whoever does not wait to the end has asked for nothing.
        let (turn, waiting) = (tokio::time::sleep(wait), charge.armed());
        Passage::Undecided(Box::pin(async move {
            turn.await;
            let charge = keeps_charge.then(|| Box::new(waiting.disarmed()));
            Passage::Admitted(request, Stamp { charge, ..stamp })
        }))
    }

    fn refuse(&self, refusal: RateLimited, verdict: Option<Verdict>, request: request::Parts) -> Passage {
        if self.is_shadow {
            let refused = Refused { layer: RateLimited::LAYER, reason: refusal.reason() };
            let would_refuse = Some(WouldRefuse(refused));
            return Passage::Admitted(request, Stamp { verdict, would_refuse, charge: None });
        }
        let mut response = refuse(&self.reject, refusal, &request);
        self.tell(&mut response, verdict);
        Passage::Refused(response)
    }

    /// Puts fields and extensions on the response of an admitted request.
    pub(super) fn stamp<B>(&self, stamp: &mut Stamp, response: &mut Response<B>) {
        if let Some(would_refuse) = stamp.would_refuse.take() {
            response.extensions_mut().insert(would_refuse);
        }
        self.tell(response, stamp.verdict.take());
    }

    /// What the limiter is given back, now that the response (or that there is none) is known.
    pub(super) fn refund(
        &self,
        stamp: &mut Stamp,
        response: Option<&response::Parts>,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let charge = stamp.charge.take()?;
        let gives_back = self.refund_if.as_ref().is_some_and(|gives_back| gives_back(response));
        gives_back.then(|| charge.refund()).flatten()
    }

    fn tell<B>(&self, response: &mut Response<B>, verdict: Option<Verdict>) {
        let Some(verdict) = verdict else { return };
        if let Some(standing) = verdict.standing().filter(|_| self.fields != Fields::None) {
            self.fields.put(response.headers_mut(), &self.limiter.quotas(), &standing);
        }
        let extensions = response.extensions_mut();
        let earlier = extensions.get::<Verdict>().and_then(Verdict::standing);
        let remaining = |standing: Standing| standing.remaining;
        if earlier.map(remaining).is_none_or(|earlier| Some(earlier) >= verdict.standing().map(remaining)) {
            extensions.insert(verdict);
        }
    }
}

impl Stamp {
    pub(super) fn may_refund(&self) -> bool {
        self.charge.is_some()
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("quotas", &self.limiter.quotas())
            .field("without_key", &self.without_key)
            .field("patience", &self.patience)
            .field("fields", &self.fields)
            .field("is_shadow", &self.is_shadow)
            .finish_non_exhaustive()
    }
}
