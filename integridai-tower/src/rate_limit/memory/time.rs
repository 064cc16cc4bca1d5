//! What time it is, for as little as a limiter costs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Clock;

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
    /// The count at which it was last held against the system's clock.
    compared: AtomicU64,
    /// What has to be added to the counter's nanoseconds, wrapping around.
    correction: AtomicU64,
}

/// 4 to 8 ms on a processor of 2 to 4 GHz; 170 ms where a counter of 100 MHz is read.
const COUNTS_UNTIL_COMPARED: u64 = 1 << 24;

impl Time {
    /// The first one in a process that tells the system's time calibrates the counter, which takes half a millisecond, or up to
    /// 200 where the machine is busy.
    pub(super) fn of(clock: Clock) -> Self {
        let counter = clock.is_system().then(|| Counter::new(&clock));
        Self { clock, counter }
    }

    /// Microseconds since a point that stays the same. It may go back by what the counter was wrong.
    pub(super) fn now_us(&self) -> u64 {
        match &self.counter {
            Some(counter) => counter.nanoseconds(&self.clock) / 1000,
            None => nanoseconds(self.clock.monotonic()) / 1000,
        }
    }
}

impl Counter {
    fn new(clock: &Clock) -> Self {
        let counter = quanta::Clock::new();
        let start = counter.raw();
        let correction = AtomicU64::new(nanoseconds(clock.monotonic()));
        Self { counter, start, compared: AtomicU64::new(start), correction }
    }

    fn nanoseconds(&self, clock: &Clock) -> u64 {
        let count = self.counter.raw();
        // A count that has gone back differs by more than that as well.
        if count.wrapping_sub(self.compared.load(Ordering::Relaxed)) > COUNTS_UNTIL_COMPARED {
            self.compare(count, clock);
        }
        self.counted(count).wrapping_add(self.correction.load(Ordering::Relaxed))
    }

    fn counted(&self, count: u64) -> u64 {
        self.counter.delta_as_nanos(self.start, count)
    }

    #[cold]
    fn compare(&self, count: u64, clock: &Clock) {
        let correction = nanoseconds(clock.monotonic()).wrapping_sub(self.counted(count));
        self.correction.store(correction, Ordering::Relaxed);
        self.compared.store(count, Ordering::Relaxed);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
