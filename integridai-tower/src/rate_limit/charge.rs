//! What a request has taken, for as long as it may be given back.

use std::pin::Pin;
use std::sync::Arc;

use super::{Admit, Key, Verdict};

pub(super) struct Charge {
    limiter: Arc<dyn Admit>,
    key: Key,
    cost: u32,
    /// The one that admitted it.
    verdict: Verdict,
}

/// Gives the charge back when it is dropped. A limiter that has to be awaited for that gets back nothing then: what was
/// taken returns with time.
pub(super) struct Armed(Option<Charge>);

impl Charge {
    pub(super) fn new(limiter: Arc<dyn Admit>, key: Key, cost: u32, verdict: Verdict) -> Self {
        Self { limiter, key, cost, verdict }
    }

    pub(super) fn refund(self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.limiter.refund(&self.key, self.cost, &self.verdict)
    }

    pub(super) fn armed(self) -> Armed {
        Armed(Some(self))
    }
}

impl Armed {
    pub(super) fn disarmed(mut self) -> Charge {
        self.0.take().expect("it is armed until now")
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(charge) = self.0.take() {
            drop(charge.refund());
        }
    }
}
