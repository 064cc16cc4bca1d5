//! The generic cell rate algorithm for one quota: pure, exact, in whole numbers.
//!
//! A quota that gives `limit` back per `period` gives one back every `period / limit`, which is seldom a whole number of
//! microseconds. So the time of a quota is counted in ticks of `1 / q` µs, where `p / q` is `period / limit` in lowest
//! terms: one request costs `p` ticks exactly. The only state of a key is its *theoretical arrival time*: the tick at which
//! everything will have come back.

use std::time::Duration;

use super::{Quota, Standing};
use crate::ConfigError;

/// A quota in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// Ticks that one request costs.
    pub(super) interval: u64,
    /// Ticks per microsecond.
    pub(super) ticks_per_us: u64,
    /// Ticks that may be owed at most.
    pub(super) capacity: u64,
    pub(super) burst: u32,
}

/// What a request would do to one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    /// Ticks that are owed when it is admitted.
    pub(super) debt: u64,
    /// Ticks that it has to wait for that.
    pub(super) wait: u64,
}

/// Leaves room for a debt on top of the present, all in 64 bits.
pub(super) const MAX_TICKS: u64 = 1 << 61;

/// However long somebody would wait, no more ticks than this are owed.
pub(super) const MAX_DEBT: u64 = 2 * MAX_TICKS;

const MAX_PERIOD: Duration = Duration::from_secs(366 * 86_400);

impl Pace {
    pub(super) fn new(quota: &Quota) -> Result<Self, ConfigError> {
        let unusable = |reason: String| Err(ConfigError::new("quota", reason));
        let name = quota.name();
        if quota.limit() == 0 || quota.capacity() == 0 {
            return unusable(format!("{name}: limit and burst are at least 1"));
        }
        if quota.period() > MAX_PERIOD
            || quota.period().is_zero()
            || !quota.period().subsec_nanos().is_multiple_of(1000)
        {
            return unusable(format!("{name}: the period is whole microseconds, 366 days at most"));
        }
        let period = microseconds(quota.period());
        let limit = u64::from(quota.limit());
        let divisor = greatest_common_divisor(period, limit);
        let (interval, ticks_per_us) = (period / divisor, limit / divisor);
        match interval.checked_mul(quota.capacity().into()).filter(|ticks| *ticks <= MAX_TICKS) {
            Some(capacity) => Ok(Self { interval, ticks_per_us, capacity, burst: quota.capacity() }),
            None => unusable(format!("{name}: limit, burst and period are too large together")),
        }
    }

    /// What a request of this cost would owe, where `debt` is owed already; `None` where it costs more than the quota ever has.
    pub(super) fn charge(&self, debt: u64, cost: u32) -> Option<Charge> {
        if cost > self.burst {
            return None;
        }
        let debt = debt + self.price(cost);
        Some(Charge { debt, wait: if cost == 0 { 0 } else { debt.saturating_sub(self.capacity) } })
    }

    /// The same as [`charge`](Self::charge) for a usual request, which does not wait and costs something, but not too much:
    /// without a branch that is seldom taken. What would wrap around costs too much.
    #[inline]
    pub(super) fn charge_at_once(&self, debt: u64, cost: u32) -> Option<Charge> {
        let debt = debt.wrapping_add(self.interval.wrapping_mul(cost.into()));
        (1..=self.burst).contains(&cost).then(|| Charge { debt, wait: debt.saturating_sub(self.capacity) })
    }

    /// How a key stands that owes so much to this quota, the one at `place`.
    pub(super) fn standing(&self, place: u8, debt: u64) -> Standing {
        Standing { quota: place, remaining: self.remaining(debt), reset_after: self.time(debt) }
    }

    /// In ticks; a cost beyond the burst counts as the burst.
    #[inline]
    pub(super) fn price(&self, cost: u32) -> u64 {
        self.interval * u64::from(cost.min(self.burst))
    }

    /// How many requests are left where `debt` is owed.
    pub(super) fn remaining(&self, debt: u64) -> u32 {
        let free = self.capacity.saturating_sub(debt);
        u32::try_from(free / self.interval).unwrap_or(self.burst)
    }

    /// Microseconds from zero, in ticks. A distance beyond [`horizon`](Self::horizon) is cut there.
    pub(super) fn ticks(&self, us: u64) -> u64 {
        us.saturating_mul(self.ticks_per_us).min(MAX_TICKS)
    }

    /// The greatest number of microseconds that can be told in ticks.
    pub(super) fn horizon(&self) -> u64 {
        MAX_TICKS / self.ticks_per_us
    }

    /// Rounded up to a microsecond: after this long, the ticks have passed.
    pub(super) fn time(&self, ticks: u64) -> Duration {
        let us = if self.ticks_per_us == 1 { ticks } else { ticks.div_ceil(self.ticks_per_us) };
        Duration::from_micros(us)
    }

    /// The debt of as many requests at the pace of `next`, rounded up; what this pace had over its burst is forgiven.
    pub(super) fn convert(&self, debt: u64, next: &Self) -> u64 {
        let debt = u128::from(debt) * u128::from(next.interval);
        let debt = debt.div_ceil(self.interval.into());
        u64::try_from(debt).unwrap_or(u64::MAX).min(next.capacity)
    }
}

/// Saturating: enough for 580 000 years.
pub(super) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(quota: &Quota) -> Pace {
        Pace::new(quota).unwrap()
    }

    #[test]
    fn an_interval_that_is_no_whole_number_is_exact() {
        let third = pace(&Quota::per_second(3));
        assert_eq!((third.interval, third.ticks_per_us), (1_000_000, 3));
        assert_eq!(third.ticks(1_000_000), third.price(3), "three come back in one second, not a tick later");
        assert_eq!(third.time(third.price(1)), Duration::from_micros(333_334), "rounded up");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let day = Duration::from_secs(86_400);
        for (quota, why) in [
            (Quota::per_second(0), "at least 1"),
            (Quota::per_second(1).burst(0), "at least 1"),
            (Quota::new(1, Duration::ZERO), "whole microseconds"),
            (Quota::new(1, Duration::from_nanos(1500)), "whole microseconds"),
            (Quota::new(1, day * 400), "366 days"),
            (Quota::new(4_294_967_291, day), "too large together"),
        ] {
            let error = Pace::new(&quota).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_debt_keeps_its_requests_at_another_pace() {
        let (slow, fast) = (pace(&Quota::per_minute(10)), pace(&Quota::per_second(7).burst(70)));
        assert_eq!(slow.convert(slow.price(4), &fast), fast.price(4));
        let tight = pace(&Quota::per_minute(3));
        assert_eq!(slow.convert(slow.price(9), &tight), tight.capacity, "no deeper than its burst");
    }
}
