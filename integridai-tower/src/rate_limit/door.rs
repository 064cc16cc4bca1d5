//! What a layer and all its services share: by what to count, whom to ask, and what becomes of the answer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Response, request, response};

use super::charge::Charge;
use super::fields::Told;
use super::{Admit, Ask, Attempt, Fields, Key, KeyBy, Outcome, RateLimited, RequestHead, Verdict};
use crate::reject::refuse;
use crate::{ProblemJson, Refusal, Refused, Reject, WouldRefuse};

type Cost = Arc<dyn Fn(&RequestHead<'_>) -> u32 + Send + Sync>;
type Predicate = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;
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
    /// It goes on, and its response stays as it is.
    Plain,
    /// It goes on, and something is done with its response.
    Stamped(Stamp),
    Detour(Box<Detour>),
}

/// Why a request does not go on at once.
pub(super) enum Detour {
    Refused(RateLimited),
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
    told: Told,
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

    #[inline]
    pub(super) fn open(&self, request: &RequestHead<'_>) -> Passage {
        if self.exempt_if.as_ref().is_some_and(|is_exempt| is_exempt(request)) {
            return Passage::Plain;
        }
        let found = self.key_by.key(request);
        let Some(key) = &found else { return self.open_without_key(request) };
        self.ask(key, request)
    }

    #[cold]
    fn open_without_key(&self, request: &RequestHead<'_>) -> Passage {
        match self.without_key {
            WithoutKey::Share => self.ask(&Key::new(), request),
            WithoutKey::Admit => Passage::Plain,
            WithoutKey::Refuse => self.refuse(RateLimited::without_key()),
        }
    }

    #[inline]
    fn ask(&self, key: &Key, request: &RequestHead<'_>) -> Passage {
        let cost = self.cost.as_ref().map_or(1, |cost| cost(request));
        let attempt = self.limiter.admit(&Ask { key, cost, patience: self.patience });
        // Looked at where it lies: it is of some size, and most of it is seldom asked for.
        if let Attempt::Decided(verdict) = &attempt {
            return self.pass(verdict, key, cost);
        }
        Self::decide_later(attempt, key.clone(), cost)
    }

    #[cold]
    fn decide_later(attempt: Attempt, key: Key, cost: u32) -> Passage {
        Passage::until(async move {
            let verdict = match attempt {
                Attempt::Decided(verdict) => verdict,
                Attempt::Waiting(verdict) => verdict.await,
            };
            Resumed::Decided { verdict, key, cost }
        })
    }

    pub(super) fn resume(&self, resumed: Resumed) -> Passage {
        match resumed {
            Resumed::Decided { verdict, key, cost } => self.pass(&verdict, &key, cost),
            Resumed::Turn(stamp) => Passage::of(stamp),
        }
    }

    #[inline]
    fn pass(&self, verdict: &Verdict, key: &Key, cost: u32) -> Passage {
        let keeps_nothing = !self.keeps_verdict && self.refund_if.is_none();
        if keeps_nothing && verdict.is_admitted_at_once() {
            return match self.fields {
                Fields::None => Passage::Plain,
                _ => Passage::of(Stamp { told: Told::of(verdict.standing()), seldom: None }),
            };
        }
        self.pass_slowly(verdict, key, cost)
    }

    /// The same for any request.
    fn pass_slowly(&self, verdict: &Verdict, key: &Key, cost: u32) -> Passage {
        let Outcome::Admitted { wait } = verdict.outcome() else {
            return self.refuse(RateLimited::by(*verdict));
        };
        let wait = if self.is_shadow { Duration::ZERO } else { wait };
        let stamp = self.stamp_of(Some(verdict));
        if wait.is_zero() && self.refund_if.is_none() {
            return Passage::of(stamp);
        }
        self.charge(stamp, wait, Charge::new(Arc::clone(&self.limiter), key.clone(), cost, *verdict))
    }

    fn charge(&self, stamp: Stamp, wait: Duration, charge: Charge) -> Passage {
        if wait.is_zero() {
            return Passage::of(stamp.with(|seldom| seldom.charge = Some(charge)));
        }
        let keeps_charge = self.refund_if.is_some();
        // Its time runs from now on, and whoever does not wait to the end has asked for nothing.
        let (turn, waiting) = (tokio::time::sleep(wait), charge.armed());
        Passage::until(async move {
            turn.await;
            let charge = waiting.disarmed();
            Resumed::Turn(if keeps_charge {
                stamp.with(|seldom| seldom.charge = Some(charge))
            } else {
                stamp
            })
        })
    }

    /// In shadow mode, it goes on.
    #[cold]
    fn refuse(&self, refusal: RateLimited) -> Passage {
        if !self.is_shadow {
            return Passage::Detour(Box::new(Detour::Refused(refusal)));
        }
        let refused = Refused { layer: RateLimited::LAYER, reason: refusal.reason() };
        let stamp = self.stamp_of(refusal.verdict());
        Passage::of(stamp.with(|seldom| seldom.would_refuse = Some(WouldRefuse(refused))))
    }

    /// What a request is answered that was refused.
    pub(super) fn answer(&self, refusal: RateLimited, request: &request::Parts) -> Response<Bytes> {
        let verdict = refusal.verdict().copied();
        let told = verdict.map_or(Told::default(), |verdict| self.told_of(&verdict));
        let mut response = refuse(&self.reject, refusal, request);
        self.put_fields(&mut response, &told);
        if let Some(verdict) = verdict {
            keep_stricter(response.extensions_mut(), verdict);
        }
        response
    }

    fn told_of(&self, verdict: &Verdict) -> Told {
        if self.fields == Fields::None { Told::default() } else { Told::of(verdict.standing()) }
    }

    fn stamp_of(&self, verdict: Option<&Verdict>) -> Stamp {
        let told = verdict.map_or(Told::default(), |verdict| self.told_of(verdict));
        let stamp = Stamp { told, seldom: None };
        if self.keeps_verdict { stamp.with(|seldom| seldom.verdict = verdict.copied()) } else { stamp }
    }

    /// Puts fields and extensions on the response of an admitted request.
    pub(super) fn stamp<B>(&self, stamp: &Stamp, response: &mut Response<B>) {
        self.put_fields(response, &stamp.told);
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

    fn put_fields<B>(&self, response: &mut Response<B>, told: &Told) {
        if told.is_nothing() {
            return;
        }
        let headers = response.headers_mut();
        self.limiter.with_quotas(&mut |quotas| self.fields.put(headers, quotas, told));
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

impl Passage {
    #[inline]
    fn of(stamp: Stamp) -> Self {
        if stamp.is_blank() { Self::Plain } else { Self::Stamped(stamp) }
    }

    fn until(resumed: impl Future<Output = Resumed> + Send + 'static) -> Self {
        Self::Detour(Box::new(Detour::Undecided(Box::pin(resumed))))
    }
}

impl Stamp {
    /// Whether the response stays as it is.
    #[inline]
    fn is_blank(&self) -> bool {
        self.told.is_nothing() && self.seldom.is_none()
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
