//! When a circuit opens, and when it closes again.

use std::time::Duration;

use super::{Circuit, Lookback};
use crate::{Clock, ConfigError};

/// When a circuit opens, and when it closes again.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::circuit_breaker::{CircuitOptions, Lookback};
///
/// let circuit = CircuitOptions::new()
///     .lookback(Lookback::Time(Duration::from_secs(30)))
///     .failure_rate(0.4)
///     .slow_calls(Duration::from_secs(2), 0.8)
///     .consecutive_failures(5)
///     .open_for(Duration::from_secs(30))
///     .build("regtech")?;
/// # let _ = circuit;
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct CircuitOptions {
    pub(super) lookback: Lookback,
    pub(super) min_calls: u32,
    /// In millionths.
    pub(super) failure_rate: Option<u64>,
    pub(super) slow_after: Option<Duration>,
    /// In millionths.
    pub(super) slow_rate: u64,
    pub(super) consecutive_failures: Option<u32>,
    pub(super) open_for: Duration,
    pub(super) open_for_most: Duration,
    /// In millionths.
    pub(super) jitter: u64,
    pub(super) retry_after_most: Duration,
    pub(super) probes: u32,
    pub(super) probe_time: Duration,
    pub(super) dropped: Dropped,
    pub(super) clock: Clock,
}

/// What a call counts as whose future was dropped before it ended, mostly since its own client left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Dropped {
    /// It says nothing about the service.
    #[default]
    Ignored,
    /// Its client has waited in vain.
    Failure,
}

const MILLION: u64 = 1_000_000;

const MOST: Duration = Duration::from_secs(24 * 3600);

impl CircuitOptions {
    /// Opens for 30 s when half of at least 20 calls within the last 60 s failed; each time that it opens again soon after it
    /// stays open twice as long, up to 5 minutes, and up to a tenth longer by chance. Three calls in a row have to succeed
    /// before it closes.
    pub fn new() -> Self {
        Self {
            lookback: Lookback::Time(Duration::from_secs(60)),
            min_calls: 20,
            failure_rate: Some(MILLION / 2),
            slow_after: None,
            slow_rate: MILLION,
            consecutive_failures: None,
            open_for: Duration::from_secs(30),
            open_for_most: Duration::from_secs(300),
            jitter: MILLION / 10,
            retry_after_most: Duration::from_secs(300),
            probes: 3,
            probe_time: Duration::from_secs(30),
            dropped: Dropped::default(),
            clock: Clock::default(),
        }
    }

    /// How far back it looks.
    pub fn lookback(mut self, lookback: Lookback) -> Self {
        self.lookback = lookback;
        self
    }

    /// The number of calls within the lookback below which rates mean nothing.
    pub fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = calls;
        self
    }

    /// The share of failed calls, over 0 and up to 1, from which it opens.
    pub fn failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = Some(millionths(rate));
        self
    }

    /// Does not open for a share of failed calls.
    pub fn no_failure_rate(mut self) -> Self {
        self.failure_rate = None;
        self
    }

    /// The share of calls that take this long or longer, over 0 and up to 1, from which it opens.
    pub fn slow_calls(mut self, slow_after: Duration, rate: f64) -> Self {
        self.slow_after = Some(slow_after);
        self.slow_rate = millionths(rate);
        self
    }

    /// The number of failures in a row after which it opens, whatever the rates.
    pub fn consecutive_failures(mut self, failures: u32) -> Self {
        self.consecutive_failures = Some(failures);
        self
    }

    /// How long it stays open before calls are tried again.
    pub fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }

    /// Twice as long each time that it opens again soon, up to this.
    pub fn open_for_at_most(mut self, time: Duration) -> Self {
        self.open_for_most = time;
        self
    }

    /// The share by which it may stay open longer, by chance, so that many clients do not come back at once; 0 to 1.
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = millionths(share);
        self
    }

    /// A service that says how long it wants to be left alone keeps the circuit that opens open for that long, up to this.
    pub fn retry_after_at_most(mut self, time: Duration) -> Self {
        self.retry_after_most = time;
        self
    }

    /// Calls that are let through when it is half open, at once at most and in all; it closes when all of them succeeded, and
    /// opens when one fails.
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }

    /// The time after which a probe without an outcome counts as failed.
    pub fn probe_time(mut self, time: Duration) -> Self {
        self.probe_time = time;
        self
    }

    /// What a call counts as whose future was dropped.
    pub fn dropped(mut self, dropped: Dropped) -> Self {
        self.dropped = dropped;
        self
    }

    /// The time; that of the system unless told.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// A closed circuit of this name, which transitions and refusals bear.
    ///
    /// # Errors
    /// Where a setting cannot work.
    pub fn build(&self, name: &str) -> Result<Circuit, ConfigError> {
        self.check()?;
        Ok(Circuit::with(self.clone(), name))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_rate = |rate: u64| (1..=MILLION).contains(&rate);
        let is_time = |time: Duration| !time.is_zero() && time <= MOST;
        let lookback = match self.lookback {
            Lookback::Calls(calls) => (1..=1 << 20).contains(&calls) && self.min_calls <= calls,
            Lookback::Time(time) => is_time(time) && time >= Duration::from_millis(16),
        };
        let settings = [
            ("lookback", lookback, "expected 1 to 2^20 calls, no fewer than min_calls, or 16 ms to a day"),
            ("failure_rate", self.failure_rate.is_none_or(is_rate), "expected more than 0, up to 1"),
            ("slow_calls", is_rate(self.slow_rate), "expected a rate of more than 0, up to 1"),
            ("consecutive_failures", self.consecutive_failures != Some(0), "expected at least 1"),
            ("open_for", is_time(self.open_for), "expected more than 0, up to a day"),
            ("open_for_at_most", is_time(self.open_for_most), "expected more than 0, up to a day"),
            ("retry_after_at_most", self.retry_after_most <= MOST, "expected up to a day"),
            ("jitter", self.jitter <= MILLION, "expected 0 to 1"),
            ("probes", self.probes > 0, "expected at least 1"),
            ("probe_time", is_time(self.probe_time), "expected more than 0, up to a day"),
        ];
        let wrong = settings.into_iter().find(|(_, is_right, _)| !is_right);
        wrong.map_or(Ok(()), |(setting, _, reason)| Err(ConfigError::new(setting, reason)))
    }
}

impl Default for CircuitOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Beyond every bound where it is no number within them.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 10^6 there")]
fn millionths(share: f64) -> u64 {
    if (0.0..=1.0).contains(&share) { (share * 1e6).round() as u64 } else { u64::MAX }
}
