//! The gateway's own traffic over a sliding window, in constant memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

/// How the gateway served its own clients over the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct PerformanceMetrics {
    /// Mean time to an answer in milliseconds.
    #[schema(example = 12.5)]
    pub avg_response_time_ms: f64,
    /// Requests in a minute.
    #[schema(example = 240.0)]
    pub requests_per_minute: f64,
    /// Answers with a 5xx status, in percent.
    #[schema(example = 0.0)]
    pub error_rate_percent: f64,
    /// Half of the answers took at most this many milliseconds.
    #[schema(example = 9.1)]
    pub p50_response_time_ms: f64,
    /// 95 % of the answers took at most this many milliseconds.
    #[schema(example = 31.0)]
    pub p95_response_time_ms: f64,
    /// 99 % of the answers took at most this many milliseconds.
    #[schema(example = 48.0)]
    pub p99_response_time_ms: f64,
}

/// Records answers and tells the figures of the window.
#[derive(Debug)]
pub struct Traffic {
    started: Instant,
    window: Mutex<Window>,
}

impl Traffic {
    /// Measures over a window of this length.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self { started: Instant::now(), window: Mutex::new(Window::new(window)) }
    }

    /// Records an answer that took `latency`.
    pub fn record(&self, latency: Duration, is_error: bool) {
        let now = self.started.elapsed();
        self.window.lock().unwrap_or_else(PoisonError::into_inner).record(now, latency, is_error);
    }

    /// The figures of the window that ends now.
    #[must_use]
    pub fn figures(&self) -> PerformanceMetrics {
        let now = self.started.elapsed();
        self.window.lock().unwrap_or_else(PoisonError::into_inner).figures(now)
    }
}

/// How many slices a window has; one more is kept, since the oldest counts until its end has fallen out.
const SLICES: u32 = 12;
const KEPT: usize = SLICES as usize + 1;

/// Slices of equal length, each counted until its end has fallen out of the window. Times are those since the start.
#[derive(Debug)]
struct Window {
    length: Duration,
    slices: VecDeque<Slice>,
}

#[derive(Debug)]
struct Slice {
    begin: Duration,
    micros: Histogram<u32>,
    sum: Duration,
    errors: u64,
}

impl Slice {
    /// 1 µs to 10 min, to two significant digits: some 20 KiB, whatever comes.
    fn new(begin: Duration) -> Self {
        let micros = Histogram::new_with_bounds(1, 600_000_000, 2).expect("the bounds are in order");
        Self { begin, micros, sum: Duration::ZERO, errors: 0 }
    }

    fn restart(&mut self, begin: Duration) {
        self.begin = begin;
        self.micros.reset();
        self.sum = Duration::ZERO;
        self.errors = 0;
    }
}

impl Window {
    fn new(length: Duration) -> Self {
        Self { length, slices: VecDeque::with_capacity(KEPT) }
    }

    fn record(&mut self, now: Duration, latency: Duration, is_error: bool) {
        let slice = self.current(now);
        slice.micros.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        slice.sum = slice.sum.saturating_add(latency);
        slice.errors += u64::from(is_error);
    }

    fn current(&mut self, now: Duration) -> &mut Slice {
        let width = self.length / SLICES;
        let is_current = self.slices.back().is_some_and(|slice| now < slice.begin + width);
        if !is_current {
            let reused = if self.slices.len() < KEPT { None } else { self.slices.pop_front() };
            let mut slice = reused.unwrap_or_else(|| Slice::new(now));
            slice.restart(now);
            self.slices.push_back(slice);
        }
        self.slices.back_mut().expect("one was just pushed if there was none")
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of a minute's requests")]
    fn figures(&self, now: Duration) -> PerformanceMetrics {
        let mut micros = Slice::new(now).micros;
        let (mut sum, mut errors) = (Duration::ZERO, 0);
        let reach = self.length + self.length / SLICES;
        let mut since = now.saturating_sub(self.length);
        for slice in self.slices.iter().filter(|slice| slice.begin + reach > now) {
            since = since.min(slice.begin);
            micros.add(&slice.micros).expect("all slices have the same bounds");
            sum = sum.saturating_add(slice.sum);
            errors += slice.errors;
        }
        let count = micros.len();
        if count == 0 {
            return PerformanceMetrics::default();
        }
        let measured = (now - since).max(Duration::from_secs(1));
        let at = |quantile| rounded(micros.value_at_quantile(quantile) as f64 / 1_000.0);
        PerformanceMetrics {
            avg_response_time_ms: rounded(sum.as_secs_f64() * 1_000.0 / count as f64),
            requests_per_minute: rounded(count as f64 * 60.0 / measured.as_secs_f64()),
            error_rate_percent: rounded(errors as f64 * 100.0 / count as f64),
            p50_response_time_ms: at(0.50),
            p95_response_time_ms: at(0.95),
            p99_response_time_ms: at(0.99),
        }
    }
}

/// Three digits behind the point: microseconds of a millisecond figure.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn figures_of_known_traffic() {
        let mut window = Window::new(MINUTE);
        for number in 1..=100 {
            window.record(seconds(number * 6 / 10), Duration::from_millis(number), number % 10 == 0);
        }
        let figures = window.figures(seconds(60));
        assert!((figures.avg_response_time_ms - 50.5).abs() < 0.001, "{figures:?}");
        assert!((figures.requests_per_minute - 100.0).abs() < 1.0, "{figures:?}");
        assert!((figures.error_rate_percent - 10.0).abs() < 1.0, "{figures:?}");
        assert!((figures.p50_response_time_ms - 50.0).abs() < 1.0, "{figures:?}");
        assert!((figures.p95_response_time_ms - 95.0).abs() < 1.0, "{figures:?}");
        assert!((figures.p99_response_time_ms - 99.0).abs() < 1.0, "{figures:?}");
    }

    #[test]
    fn old_traffic_falls_out() {
        let mut window = Window::new(MINUTE);
        window.record(seconds(1), seconds(9), true);
        window.record(seconds(50), Duration::from_millis(10), false);
        let figures = window.figures(seconds(70));
        assert!((figures.requests_per_minute - 1.0).abs() < 0.1, "{figures:?}");
        assert!((figures.avg_response_time_ms - 10.0).abs() < 0.001, "{figures:?}");
        assert!(figures.error_rate_percent.abs() < f64::EPSILON);
        assert_eq!(window.figures(seconds(200)), PerformanceMetrics::default());
    }

    #[test]
    fn memory_stays_the_same_however_much_is_recorded() {
        let mut window = Window::new(MINUTE);
        for second in 0..100_000 {
            window.record(seconds(second), Duration::MAX, true);
        }
        assert_eq!(window.slices.len(), KEPT);
        assert!(window.figures(seconds(100_000)).p99_response_time_ms >= 590_000.0);
    }
}
