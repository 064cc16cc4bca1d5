//! What a layer and all its services share: by what to count, whom to ask, and what becomes of the answer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Response, request, response};

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
    pub(super) keeps_verdict: bool,
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
    Admitted(Stamp),
    Refused(Response<Bytes>),
    Undecided(Undecided),
}

/// What has to be awaited before the door is asked again.
pub(super) type Undecided = Pin<Box<dyn Future<Output = Resumed> + Send>>;

/// What was awaited.
pub(super) enum Resumed {
    Decided { verdict: Verdict, key: Key, cost: u32 },
    Turn(Stamp),
}

/// What its response is told, and what it took. It travels with the call, so what is seldom there lies apart.
#[derive(Default)]
pub(super) struct Stamp {
    /// Where fields tell of it.
    standing: Option<Standing>,
    seldom: Option<Box<Seldom>>,
}

#[derive(Default)]
struct Seldom {
    /// Where it is kept for the layers further out.
    verdict: Option<Verdict>,
    would_refuse: Option<WouldRefuse>,
    /// Kept where it may have to be given back.
    charge: Option<Charge>,
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
            keeps_verdict: false,
            reject: Arc::new(ProblemJson),
        }
    }

    pub(super) fn open(&self, request: &request::Parts) -> Passage {
        if self.exempt_if.as_ref().is_some_and(|is_exempt| is_exempt(request)) {
            return Passage::Admitted(Stamp::default());
        }
        let key = match (self.key_by.key(request), self.without_key) {
            (Some(key), _) => key,
            (None, WithoutKey::Share) => Key::new(),
            (None, WithoutKey::Admit) => return Passage::Admitted(Stamp::default()),
            (None, WithoutKey::Refuse) => return self.refuse(RateLimited::without_key(), None, request),
        };
        let cost = self.cost.as_ref().map_or(1, |cost| cost(request));
        match self.limiter.admit(&Ask { key: &key, cost, patience: self.patience }) {
            Attempt::Decided(verdict) => self.pass(verdict, &key, cost, request),
            Attempt::Waiting(verdict) => {
                Passage::Undecided(Box::pin(
                    async move { Resumed::Decided { verdict: verdict.await, key, cost } },
                ))
            }
        }
    }

    /// `request` is the one for which the door was opened.
    pub(super) fn resume(&self, resumed: Resumed, request: &request::Parts) -> Passage {
        match resumed {
            Resumed::Decided { verdict, key, cost } => self.pass(verdict, &key, cost, request),
            Resumed::Turn(stamp) => Passage::Admitted(stamp),
        }
    }

    #[inline]
    fn pass(&self, verdict: Verdict, key: &Key, cost: u32, request: &request::Parts) -> Passage {
        let Outcome::Admitted { wait } = verdict.outcome() else {
            return self.refuse(RateLimited::by(verdict), Some(verdict), request);
        };
        let wait = if self.is_shadow { Duration::ZERO } else { wait };
        let takes_nothing_along = wait.is_zero() && self.refund_if.is_none();
        if takes_nothing_along && self.fields == Fields::None && !self.keeps_verdict {
            return Passage::Admitted(Stamp::default());
        }
        let stamp = self.stamp_of(Some(verdict));
        if takes_nothing_along {
            return Passage::Admitted(stamp);
        }
        self.charge(stamp, wait, Charge::new(Arc::clone(&self.limiter), key.clone(), cost, verdict))
    }

    fn charge(&self, stamp: Stamp, wait: Duration, charge: Charge) -> Passage {
        if wait.is_zero() {
            return Passage::Admitted(stamp.with(|seldom| seldom.charge = Some(charge)));
        }
        let keeps_charge = self.refund_if.is_some();
        // Its time runs from now on, and whoever does not wait to the end has asked for nothing.
        let (turn, waiting) = (tokio::time::sleep(wait), charge.armed());
        Passage::Undecided(Box::pin(async move {
            turn.await;
            let charge = waiting.disarmed();
            Resumed::Turn(if keeps_charge {
                stamp.with(|seldom| seldom.charge = Some(charge))
            } else {
                stamp
            })
        }))
    }

    fn refuse(&self, refusal: RateLimited, verdict: Option<Verdict>, request: &request::Parts) -> Passage {
        let stamp = self.stamp_of(verdict);
        if self.is_shadow {
            let refused = Refused { layer: RateLimited::LAYER, reason: refusal.reason() };
            return Passage::Admitted(stamp.with(|seldom| seldom.would_refuse = Some(WouldRefuse(refused))));
        }
        let mut response = refuse(&self.reject, refusal, request);
        self.put_fields(&mut response, stamp.standing);
        if let Some(verdict) = verdict {
            keep_stricter(response.extensions_mut(), verdict);
        }
        Passage::Refused(response)
    }

    fn stamp_of(&self, verdict: Option<Verdict>) -> Stamp {
        let has_fields = self.fields != Fields::None;
        let standing = verdict.filter(|_| has_fields).and_then(|verdict| verdict.standing());
        let stamp = Stamp { standing, seldom: None };
        if self.keeps_verdict { stamp.with(|seldom| seldom.verdict = verdict) } else { stamp }
    }

    /// Puts fields and extensions on the response of an admitted request.
    pub(super) fn stamp<B>(&self, stamp: &Stamp, response: &mut Response<B>) {
        self.put_fields(response, stamp.standing);
        let Some(seldom) = &stamp.seldom else { return };
        if let Some(would_refuse) = seldom.would_refuse {
            response.extensions_mut().insert(would_refuse);
        }
        if let Some(verdict) = seldom.verdict {
            keep_stricter(response.extensions_mut(), verdict);
        }
    }

    /// What the limiter is given back, now that the response (or that there is none) is known.
    pub(super) fn refund(
        &self,
        stamp: &mut Stamp,
        response: Option<&response::Parts>,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let charge = stamp.seldom.as_mut()?.charge.take()?;
        let gives_back = self.refund_if.as_ref().is_some_and(|gives_back| gives_back(response));
        gives_back.then(|| charge.refund()).flatten()
    }

    fn put_fields<B>(&self, response: &mut Response<B>, standing: Option<Standing>) {
        let Some(standing) = standing else { return };
        let headers = response.headers_mut();
        self.limiter.with_quotas(&mut |quotas| self.fields.put(headers, quotas, &standing));
    }
}

/// A limit further in may have left its own.
fn keep_stricter(extensions: &mut Extensions, verdict: Verdict) {
    let remaining = |verdict: &Verdict| verdict.standing().map(|standing| standing.remaining);
    let earlier = extensions.get::<Verdict>().and_then(remaining);
    if earlier.is_none() || earlier >= remaining(&verdict) {
        extensions.insert(verdict);
    }
}

impl Stamp {
    /// Whether the response stays as it is.
    pub(super) fn is_blank(&self) -> bool {
        self.standing.is_none() && self.seldom.is_none()
    }

    pub(super) fn may_refund(&self) -> bool {
        self.seldom.as_ref().is_some_and(|seldom| seldom.charge.is_some())
    }

    fn with(mut self, set: impl FnOnce(&mut Seldom)) -> Self {
        set(self.seldom.get_or_insert_default());
        self
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
