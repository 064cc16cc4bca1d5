//! Which addresses fail more than the others, and for how long nothing is sent to them.

use std::collections::BTreeMap;

/// What makes an outlier. Times are in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rules {
    pub(super) consecutive_failures: Option<u32>,
    pub(super) success_rate: Option<SuccessRate>,
    pub(super) base_ns: u64,
    pub(super) most_ns: u64,
    /// Of all addresses, that may be ejected at once.
    pub(super) max_share: f64,
}

/// Ejects who succeeds less often than the others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SuccessRate {
    pub(super) interval_ns: u64,
    /// An address with fewer calls within the interval is not judged.
    pub(super) min_calls: u32,
    /// Fewer addresses than that cannot be compared.
    pub(super) min_addresses: usize,
    /// Standard deviations below the mean.
    pub(super) deviations: f64,
}

/// One in five deviates from the mean by two standard deviations however small the difference is.
const LEAST_GAP: f64 = 0.05;

/// What is known of each address.
#[derive(Debug, Default)]
pub(super) struct Outliers {
    records: BTreeMap<u64, Record>,
    interval_began_ns: u64,
}

#[derive(Debug, Clone, Default)]
struct Record {
    consecutive: u32,
    calls: u32,
    failures: u32,
    /// The end of the last ejection; zero where there was none.
    until_ns: u64,
    /// How many times the base it lasted.
    times: u64,
}

/// Nothing is sent to this address until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ejection {
    pub(super) id: u64,
    pub(super) until_ns: u64,
}

impl Outliers {
    pub(super) fn insert(&mut self, id: u64) {
        self.records.entry(id).or_default();
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.records.remove(&id);
    }

    /// Who is ejected after this call. Calls of an address that is ejected, or unknown by now, count for nothing.
    pub(super) fn record(&mut self, rules: &Rules, id: u64, has_failed: bool, now_ns: u64) -> Vec<Ejection> {
        let mut ejections = self.compare(rules, now_ns);
        let Some(record) = self.records.get_mut(&id).filter(|record| !record.is_ejected(now_ns)) else {
            return ejections;
        };
        record.calls = record.calls.saturating_add(1);
        record.failures = record.failures.saturating_add(u32::from(has_failed));
        record.consecutive = if has_failed { record.consecutive.saturating_add(1) } else { 0 };
        if rules.consecutive_failures.is_some_and(|failures| record.consecutive >= failures) {
            ejections.extend(self.eject(rules, id, now_ns));
        }
        ejections
    }

    /// Once in each interval, those that succeed less often than the others, the worst first.
    fn compare(&mut self, rules: &Rules, now_ns: u64) -> Vec<Ejection> {
        let Some(success_rate) = &rules.success_rate else { return Vec::new() };
        if now_ns.saturating_sub(self.interval_began_ns) < success_rate.interval_ns {
            return Vec::new();
        }
        self.interval_began_ns = now_ns;
        let judged = self.records.iter().filter(|(_, record)| {
            record.calls >= success_rate.min_calls.max(1) && !record.is_ejected(now_ns)
        });
        let rates: Vec<(u64, f64)> = judged.map(|(id, record)| (*id, record.success_rate())).collect();
        for record in self.records.values_mut() {
            (record.calls, record.failures) = (0, 0);
        }
        if rates.len() < success_rate.min_addresses {
            return Vec::new();
        }
        let outliers = below(rates, success_rate.deviations);
        outliers.into_iter().filter_map(|id| self.eject(rules, id, now_ns)).collect()
    }

    /// `None` where too many are ejected already.
    fn eject(&mut self, rules: &Rules, id: u64, now_ns: u64) -> Option<Ejection> {
        let ejected = self.records.values().filter(|record| record.is_ejected(now_ns)).count();
        if ejected >= most(rules.max_share, self.records.len()) {
            return None;
        }
        let record = self.records.get_mut(&id)?;
        let well_for_ns = now_ns.saturating_sub(record.until_ns);
        record.times = record.times.saturating_sub(well_for_ns / rules.base_ns.max(1)) + 1;
        record.until_ns = now_ns + rules.base_ns.saturating_mul(record.times).min(rules.most_ns);
        record.consecutive = 0;
        Some(Ejection { id, until_ns: record.until_ns })
    }
}

impl Record {
    fn is_ejected(&self, now_ns: u64) -> bool {
        now_ns < self.until_ns
    }

    fn success_rate(&self) -> f64 {
        1.0 - f64::from(self.failures) / f64::from(self.calls.max(1))
    }
}

/// Never all of them.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a small number"
)]
fn most(share: f64, addresses: usize) -> usize {
    ((addresses as f64 * share) as usize).min(addresses.saturating_sub(1))
}

/// Those so many standard deviations below the mean, the worst first.
#[allow(clippy::cast_precision_loss, reason = "a small number")]
fn below(mut rates: Vec<(u64, f64)>, deviations: f64) -> Vec<u64> {
    let count = rates.len().max(1) as f64;
    let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / count;
    let variance = rates.iter().map(|(_, rate)| (rate - mean).powi(2)).sum::<f64>() / count;
    let bound = (mean - deviations * variance.sqrt()).min(mean - LEAST_GAP);
    rates.retain(|(_, rate)| *rate < bound);
    rates.sort_by(|left, right| left.1.total_cmp(&right.1));
    rates.into_iter().map(|(id, _)| id).collect()
}
