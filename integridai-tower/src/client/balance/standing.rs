//! How an address stands, and who keeps the score.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::ewma::PeakEwma;
use super::health::Health;
use super::options::{BalanceOptions, Load, nanoseconds};
use super::outliers::Outliers;
use crate::client::Outcome;

/// How one address stands.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) id: u64,
    pub(super) pending: AtomicUsize,
    pub(super) calls: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) ejections: AtomicU64,
    ewma: Mutex<PeakEwma>,
    health: Mutex<Health>,
    is_healthy: AtomicBool,
    ejected_until_ns: AtomicU64,
}

impl Standing {
    pub(super) fn new(id: u64) -> Self {
        Self {
            id,
            pending: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            ejections: AtomicU64::new(0),
            ewma: Mutex::default(),
            health: Mutex::new(Health::new()),
            is_healthy: AtomicBool::new(true),
            ejected_until_ns: AtomicU64::new(0),
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.is_healthy.load(Ordering::Relaxed)
    }

    /// How much longer it is ejected.
    pub(super) fn ejected_for_ns(&self, now_ns: u64) -> u64 {
        self.ejected_until_ns.load(Ordering::Relaxed).saturating_sub(now_ns)
    }

    pub(super) fn is_available(&self, now_ns: u64) -> bool {
        self.is_healthy() && self.ejected_for_ns(now_ns) == 0
    }
}

/// Keeps the score of all addresses.
#[derive(Debug)]
pub(super) struct Scores {
    options: BalanceOptions,
    start: Instant,
    outliers: Mutex<Outliers>,
    standings: Mutex<HashMap<u64, Arc<Standing>>>,
    /// Counts the times that an address came, went, or got well.
    changes: AtomicU64,
    changed: Arc<Notify>,
}

/// What an address nobody knows costs while it has not answered once: one call finds out.
const UNKNOWN: f64 = 1e18;

impl Scores {
    pub(super) fn new(options: BalanceOptions) -> Self {
        Self {
            options,
            start: Instant::now(),
            outliers: Mutex::default(),
            standings: Mutex::default(),
            changes: AtomicU64::new(0),
            changed: Arc::default(),
        }
    }

    pub(super) fn options(&self) -> &BalanceOptions {
        &self.options
    }

    pub(super) fn now_ns(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }

    pub(super) fn insert(&self, standing: &Arc<Standing>) {
        lock(&self.outliers).insert(standing.id);
        lock(&self.standings).insert(standing.id, Arc::clone(standing));
    }

    pub(super) fn remove(&self, id: u64) {
        lock(&self.outliers).remove(id);
        lock(&self.standings).remove(&id);
    }

    /// Those who wait for an address look again.
    pub(super) fn has_changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    pub(super) fn changed(&self) -> &Arc<Notify> {
        &self.changed
    }

    /// How much one more call costs there.
    #[allow(clippy::cast_precision_loss, reason = "few calls are under way")]
    pub(super) fn cost(&self, standing: &Standing, now_ns: u64) -> f64 {
        let pending = standing.pending.load(Ordering::Relaxed) as f64;
        if self.options.load == Load::PendingRequests {
            return pending;
        }
        let ewma = *lock(&standing.ewma);
        if !ewma.is_known() && pending > 0.0 {
            return UNKNOWN + UNKNOWN * pending;
        }
        ewma.at(now_ns, nanoseconds(self.options.decay)) * (pending + 1.0)
    }

    /// How long a call takes there, at worst and as of late.
    pub(super) fn usual_time(&self, standing: &Standing) -> Option<Duration> {
        let ewma = *lock(&standing.ewma);
        let seconds = ewma.at(self.now_ns(), nanoseconds(self.options.decay)) / 1e9;
        ewma.is_known().then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    pub(super) fn record(&self, standing: &Standing, outcome: Outcome, began_ns: u64) {
        let now_ns = self.now_ns();
        self.record_at(standing, outcome, now_ns.saturating_sub(began_ns), now_ns);
    }

    fn record_at(&self, standing: &Standing, outcome: Outcome, took_ns: u64, now_ns: u64) {
        let failed_ns = || took_ns.max(nanoseconds(self.options.failure_counts_as));
        match outcome {
            Outcome::Success => {
                self.took(standing, took_ns, now_ns);
                self.judge(standing, false, now_ns);
            }
            Outcome::Failure | Outcome::Overloaded => {
                self.took(standing, failed_ns(), now_ns);
                self.judge(standing, true, now_ns);
            }
            // No reason to leave it out, but others are better now.
            Outcome::Throttled | Outcome::Refused => self.took(standing, failed_ns(), now_ns),
            Outcome::Ignored => {}
        }
    }

    /// Nobody waited for the end of a call: what is known is that it took at least until now.
    pub(super) fn record_given_up(&self, standing: &Standing, began_ns: u64) {
        let now_ns = self.now_ns();
        let after_ns = now_ns.saturating_sub(began_ns);
        if self.options.given_up_after.is_some_and(|time| after_ns >= nanoseconds(time)) {
            return self.record_at(standing, Outcome::Overloaded, after_ns, now_ns);
        }
        let ewma = *lock(&standing.ewma);
        if !ewma.is_known() {
            // It has not answered once: for all that is known, it never does.
            self.took(standing, after_ns.max(nanoseconds(self.options.failure_counts_as)), now_ns);
        } else if is_longer(after_ns, ewma.at(now_ns, nanoseconds(self.options.decay))) {
            self.took(standing, after_ns, now_ns);
        }
    }

    pub(super) fn record_check(&self, standing: &Standing, is_well: bool, rise: u32, fall: u32) {
        let is_healthy = lock(&standing.health).record(is_well, rise, fall);
        if standing.is_healthy.swap(is_healthy, Ordering::Relaxed) != is_healthy {
            self.has_changed();
        }
    }

    fn took(&self, standing: &Standing, took_ns: u64, now_ns: u64) {
        lock(&standing.ewma).add(took_ns, now_ns, nanoseconds(self.options.decay));
    }

    fn judge(&self, standing: &Standing, has_failed: bool, now_ns: u64) {
        standing.failures.fetch_add(u64::from(has_failed), Ordering::Relaxed);
        let ejections = lock(&self.outliers).record(&self.options.rules, standing.id, has_failed, now_ns);
        for ejection in ejections {
            if let Some(ejected) = lock(&self.standings).get(&ejection.id) {
                ejected.ejected_until_ns.store(ejection.until_ns, Ordering::Relaxed);
                ejected.ejections.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "times below 104 days are exact")]
fn is_longer(time_ns: u64, than_ns: f64) -> bool {
    time_ns as f64 > than_ns
}

/// What stands under it is whole after every step, so a panic elsewhere does not matter.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
