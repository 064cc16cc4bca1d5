//! What all calls through one layer share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::HedgeOptions;
use super::window::Window;
use crate::client::AttemptBudget;

/// What calls have taken, and what has been made of it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: HedgeOptions,
    pub(super) budget: AttemptBudget,
    start: Instant,
    window: Mutex<Window>,
    pub(super) counts: Counters,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) calls: AtomicU64,
    pub(super) hedged: AtomicU64,
    pub(super) won: AtomicU64,
    pub(super) over_budget: AtomicU64,
}

/// What a [`HedgeLayer`](super::HedgeLayer) has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HedgeCounts {
    /// Calls that might have had a second attempt.
    pub calls: u64,
    /// Those that had one.
    pub hedged: u64,
    /// Those whose second attempt succeeded first.
    pub won: u64,
    /// Those that would have had one, had the budget allowed it.
    pub over_budget: u64,
}

impl Counters {
    pub(super) fn snapshot(&self) -> HedgeCounts {
        let [calls, hedged, won, over_budget] = [&self.calls, &self.hedged, &self.won, &self.over_budget]
            .map(|counter| counter.load(Ordering::Relaxed));
        HedgeCounts { calls, hedged, won, over_budget }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Shared {
    pub(super) fn new(mut options: HedgeOptions) -> Self {
        let budget = options.budget.take().unwrap_or_else(AttemptBudget::for_hedges);
        let window = Mutex::new(Window::new(options.window, options.quantile));
        Self { options, budget, start: Instant::now(), window, counts: Counters::default() }
    }

    /// The time after which a second attempt is made.
    pub(super) fn delay(&self, now: Instant) -> Duration {
        let (quantile, times) = self.window().quantile(self.since_start(now));
        let delay = if times < self.options.learn_from { self.options.until_known } else { quantile };
        delay.max(self.options.at_least)
    }

    fn record(&self, time: Duration, now: Instant) {
        self.window().record(time, self.since_start(now));
    }

    fn since_start(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call's first attempt takes, to be recorded once.
///
/// A failure says nothing of how long answers take. An attempt that is dropped after the delay took longer than that, which is all
/// a quantile has to know; without it the slow ones would go uncounted, and the delay would shrink from hedge to hedge.
#[derive(Debug)]
pub(super) struct Sample {
    shared: Arc<Shared>,
    started: Instant,
    delay: Duration,
    is_open: bool,
}

impl Sample {
    pub(super) fn start(shared: &Arc<Shared>) -> Self {
        let started = Instant::now();
        Self { delay: shared.delay(started), shared: Arc::clone(shared), started, is_open: true }
    }

    /// The moment of the second attempt. A delay is at most an hour, or a time that a call has taken.
    pub(super) fn hedge_at(&self) -> Instant {
        self.started + self.delay
    }

    /// Whether the budget has a second attempt for it, which is counted there then.
    pub(super) fn may_hedge(&self) -> bool {
        let may = self.shared.budget.withdraw();
        if !may {
            count(&self.shared.counts.over_budget);
        }
        may
    }

    pub(super) fn count_hedge(&self) {
        count(&self.shared.counts.hedged);
    }

    pub(super) fn count_win(&self) {
        count(&self.shared.counts.won);
    }

    pub(super) fn end(&mut self, is_success: bool) {
        self.is_open = false;
        if is_success {
            let now = Instant::now();
            self.shared.record(now - self.started, now);
        }
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let now = Instant::now();
        let time = now - self.started;
        if self.is_open && time >= self.delay {
            self.shared.record(time, now);
        }
    }
}
