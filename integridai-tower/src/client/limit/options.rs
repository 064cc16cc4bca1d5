//! How many calls at once, and how many may wait for how long.

use std::time::Duration;

use super::ConcurrencyLimit;
use super::gradient::Settings;
use crate::ConfigError;

/// How many calls at once, and how many may wait for how long.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::client::limit::LimitOptions;
///
/// let bulkhead = LimitOptions::fixed(32).max_queued(16).max_wait(Duration::from_millis(500)).build("billing")?;
/// let adaptive = LimitOptions::adaptive().initial(10).max(100).tolerance(1.2).build("regtech")?;
/// assert_eq!((bulkhead.snapshot().limit, adaptive.snapshot().limit), (32, 10));
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LimitOptions {
    pub(super) settings: Settings,
    pub(super) is_adaptive: bool,
    pub(super) max_queued: usize,
    pub(super) max_wait: Duration,
    pub(super) retry_after_most: Duration,
}

/// What a limit can be at most.
const MOST: u32 = 1 << 20;
const DAY: Duration = Duration::from_secs(24 * 3600);

impl LimitOptions {
    /// Always this many calls at once (a bulkhead); 100 may wait, for up to a second.
    pub fn fixed(limit: u32) -> Self {
        let settings = Settings { initial: limit, min: limit, max: limit, ..Self::adaptive().settings };
        Self { settings, is_adaptive: false, ..Self::adaptive() }
    }

    /// As many calls at once as the service takes without slowing down: 20 to begin with, then 1 to 200; 100 may wait, for up
    /// to a second. It is found anew each second, or each ten calls where that takes longer.
    pub fn adaptive() -> Self {
        let settings = Settings {
            initial: 20,
            min: 1,
            max: 200,
            tolerance: 1.5,
            smoothing: 0.2,
            queue_allowance: 4,
            window_ns: 1_000_000_000,
            window_calls: 10,
            long_windows: 600,
            probe_windows: 10,
        };
        Self {
            settings,
            is_adaptive: true,
            max_queued: 100,
            max_wait: Duration::from_secs(1),
            retry_after_most: Duration::from_secs(30),
        }
    }

    /// The limit until something is known of the service.
    pub fn initial(mut self, calls: u32) -> Self {
        self.settings.initial = calls;
        self
    }

    /// The limit is never below this. One that fell in an outage takes seconds to rise again: where a circuit breaker spares the
    /// service already, say what a healthy service takes at least, such as 20.
    pub fn min(mut self, calls: u32) -> Self {
        self.settings.min = calls;
        self
    }

    /// The limit is never above this.
    pub fn max(mut self, calls: u32) -> Self {
        self.settings.max = calls;
        self
    }

    /// The limit falls when calls take this many times as long as they took in the long term; 1 to 10.
    pub fn tolerance(mut self, times: f64) -> Self {
        self.settings.tolerance = times;
        self
    }

    /// The share of what was found last in the next limit, over 0 and up to 1: less is calmer, more follows faster.
    pub fn smoothing(mut self, share: f64) -> Self {
        self.settings.smoothing = share;
        self
    }

    /// Calls that may wait inside the service, so that it never runs dry and the limit can grow.
    pub fn queue_allowance(mut self, calls: u32) -> Self {
        self.settings.queue_allowance = calls;
        self
    }

    /// The limit is found anew after this time, and no fewer calls than that have ended.
    pub fn window(mut self, time: Duration, calls: u32) -> Self {
        self.settings.window_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.settings.window_calls = calls;
        self
    }

    /// How many windows the long-term time goes back.
    pub fn long_term(mut self, windows: u32) -> Self {
        self.settings.long_windows = windows;
        self
    }

    /// After so many windows in which it was reached, the limit is 1 / (2 × tolerance) of itself for two windows or more, to
    /// see whether calls are faster then; where they are not, this happens less often, up to 16 times less. Zero for never.
    pub fn probe_after(mut self, windows: u32) -> Self {
        self.settings.probe_windows = windows;
        self
    }

    /// Calls that may wait; zero for none.
    pub fn max_queued(mut self, calls: usize) -> Self {
        self.max_queued = calls;
        self
    }

    /// How long a call may wait for its turn. Its own [`Deadline`](crate::Deadline) shortens that.
    pub fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = time;
        self
    }

    /// The longest time that a refused call is told to stay away.
    pub fn retry_after_at_most(mut self, time: Duration) -> Self {
        self.retry_after_most = time;
        self
    }

    /// A limit of this name, which is that of the service.
    ///
    /// # Errors
    /// Where a setting cannot work.
    pub fn build(&self, name: &str) -> Result<ConcurrencyLimit, ConfigError> {
        self.check()?;
        Ok(ConcurrencyLimit::with(self.clone(), name))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let Settings { initial, min, max, window_ns, window_calls, .. } = self.settings;
        let is_within = |initial| (min..=max).contains(&initial);
        let day_ns = u64::try_from(DAY.as_nanos()).unwrap_or(u64::MAX);
        let settings = [
            ("min", min >= 1, "expected at least 1"),
            ("max", (min..=MOST).contains(&max), "expected min to 2^20"),
            ("initial", is_within(initial), "expected min to max"),
            ("tolerance", (1.0..=10.0).contains(&self.settings.tolerance), "expected 1 to 10"),
            (
                "smoothing",
                self.settings.smoothing > 0.0 && self.settings.smoothing <= 1.0,
                "expected over 0 to 1",
            ),
            ("queue_allowance", (1..=MOST).contains(&self.settings.queue_allowance), "expected 1 to 2^20"),
            (
                "window",
                window_calls > 0 && (1..=day_ns).contains(&window_ns),
                "expected a call or more, up to a day",
            ),
            ("long_term", self.settings.long_windows > 0, "expected at least 1"),
            ("max_wait", self.max_wait <= DAY, "expected up to a day"),
            ("retry_after_at_most", self.retry_after_most <= DAY, "expected up to a day"),
        ];
        let wrong = settings.into_iter().find(|(_, is_right, _)| !is_right);
        wrong.map_or(Ok(()), |(setting, _, reason)| Err(ConfigError::new(setting, reason)))
    }
}
