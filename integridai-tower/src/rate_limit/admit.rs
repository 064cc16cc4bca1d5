//! What a layer asks of a limiter.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Key, Quotas, Verdict};

/// Decides whether a request may go on. Implemented by the limiters of this module; with it, a layer takes one of yours.
pub trait Admit: Send + Sync {
    /// Decides, and charges the key where it admits. Must not block: what has to wait is an [`Attempt::Waiting`].
    fn admit(&self, ask: &Ask<'_>) -> Attempt;

    /// Gives back what an admitted request had taken, where it was taken: `verdict` is the one that admitted it. A future where
    /// that takes time.
    fn refund(
        &self,
        key: &Key,
        cost: u32,
        verdict: &Verdict,
    ) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

    /// The quotas, for the fields that tell clients of them.
    fn quotas(&self) -> Arc<Quotas>;

    /// Shows the quotas to `see`, once. The layer asks for them at each answer; where they can be shown without sharing them,
    /// that costs less than [`quotas`](Self::quotas), which this calls unless you have it otherwise.
    fn with_quotas(&self, see: &mut dyn FnMut(&Quotas)) {
        see(&self.quotas());
    }
}

/// A request as a limiter sees it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Whose quota it is.
    pub key: &'a Key,
    /// How much of it; usually 1.
    pub cost: u32,
    /// How long the caller would wait rather than be refused.
    pub patience: Duration,
}

impl<'a> Ask<'a> {
    /// One request that does not wait.
    #[must_use]
    pub fn once(key: &'a Key) -> Self {
        Self { key, cost: 1, patience: Duration::ZERO }
    }
}

/// A verdict, or the way to one.
pub enum Attempt {
    /// Known at once.
    Decided(Verdict),
    /// Known later. Owns all it needs, and ends in bounded time.
    Waiting(Pin<Box<dyn Future<Output = Verdict> + Send>>),
}

impl Attempt {
    /// Known when `verdict` is.
    pub fn waiting(verdict: impl Future<Output = Verdict> + Send + 'static) -> Self {
        Self::Waiting(Box::pin(verdict))
    }
}

impl From<Verdict> for Attempt {
    fn from(verdict: Verdict) -> Self {
        Self::Decided(verdict)
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(verdict) => f.debug_tuple("Decided").field(verdict).finish(),
            Self::Waiting(_) => f.write_str("Waiting"),
        }
    }
}
