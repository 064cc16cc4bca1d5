//! What time it is, for as little as a limiter costs.

use std::sync::atomic::{AtomicU64, Ordering};

use super::tag::high_half;
use crate::Clock;
use crate::rate_limit::pace::microseconds;

/// The time of a [`Clock`]. That of the system is read from the processor's counter, which takes a third of the time, and held
/// against the system's own monotonic clock every few milliseconds: however badly the counter was calibrated, and whatever
/// became of it while the machine slept, it is not wrong for longer.
pub(super) struct Time {
    clock: Clock,
    counter: Option<Counter>,
}

struct Counter {
    counter: quanta::Clock,
    start: u64,
    /// Microseconds per count, in fractions of 2⁻⁶⁴.
    us_per_count: u64,
    /// The count at which it was last held against the system's clock.
    compared: AtomicU64,
    /// What has to be added to the counter's microseconds, wrapping around.
    correction_us: AtomicU64,
}

/// 4 to 8 ms on a processor of 2 to 4 GHz; 170 ms where a counter of 100 MHz is read.
const COUNTS_UNTIL_COMPARED: u64 = 1 << 24;

/// Long enough to tell how long a count is to one part in a thousand million.
const COUNTS_MEASURED: u32 = 40;

impl Time {
    /// The first one in a process that tells the system's time calibrates the counter, which takes half a millisecond, or up to
    /// 200 where the machine is busy.
    pub(super) fn of(clock: Clock) -> Self {
        let counter = if clock.is_system() { Counter::new(&clock) } else { None };
        Self { clock, counter }
    }

    /// Microseconds since a point that stays the same. It may go back by what the counter was wrong.
    #[inline]
    pub(super) fn now_us(&self) -> u64 {
        match &self.counter {
            Some(counter) => counter.now_us(&self.clock),
            None => self.read_clock(),
        }
    }

    #[inline(never)]
    fn read_clock(&self) -> u64 {
        microseconds(self.clock.monotonic())
    }
}

impl Counter {
    /// `None` where it counts less often than once in a microsecond.
    fn new(clock: &Clock) -> Option<Self> {
        let counter = quanta::Clock::new();
        let start = counter.raw();
        let measured = u128::from(counter.delta_as_nanos(0, 1 << COUNTS_MEASURED));
        let us_per_count = u64::try_from((measured << (64 - COUNTS_MEASURED)) / 1000).ok()?;
        let correction_us = AtomicU64::new(microseconds(clock.monotonic()));
        Some(Self { counter, start, us_per_count, compared: AtomicU64::new(start), correction_us })
    }

    #[inline]
    fn now_us(&self, clock: &Clock) -> u64 {
        let count = self.counter.raw();
        // A count that has gone back differs by more than that as well.
        if count.wrapping_sub(self.compared.load(Ordering::Relaxed)) > COUNTS_UNTIL_COMPARED {
            self.compare(count, clock);
        }
        self.counted_us(count).wrapping_add(self.correction_us.load(Ordering::Relaxed))
    }

    #[inline]
    fn counted_us(&self, count: u64) -> u64 {
        let counted = u128::from(count.saturating_sub(self.start)) * u128::from(self.us_per_count);
        high_half(counted)
    }

    #[cold]
    fn compare(&self, count: u64, clock: &Clock) {
        let correction_us = microseconds(clock.monotonic()).wrapping_sub(self.counted_us(count));
        self.correction_us.store(correction_us, Ordering::Relaxed);
        self.compared.store(count, Ordering::Relaxed);
    }
}
