//! By what an address is chosen, and when nothing is sent to one.

use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use super::Balancer;
use super::outliers::{Rules, SuccessRate};
use crate::ConfigError;

/// By what the better of two addresses is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Load {
    /// How long its calls take, at worst and as of late, times how many are under way.
    #[default]
    PeakEwma,
    /// How many calls are under way.
    PendingRequests,
}

/// By what an address is chosen, and when nothing is sent to one.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::client::balance::{BalanceOptions, Load};
///
/// let options = BalanceOptions::new()
///     .load(Load::PendingRequests)
///     .consecutive_failures(3)
///     .eject_for(Duration::from_secs(10))
///     .eject_at_most(0.3);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct BalanceOptions {
    pub(super) load: Load,
    pub(super) decay: Duration,
    pub(super) failure_counts_as: Duration,
    pub(super) given_up_after: Option<Duration>,
    pub(super) rules: Rules,
    pub(super) panic_below: f64,
    pub(super) seed: Option<u64>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl BalanceOptions {
    /// By peak EWMA over 10 s. After five failures in a row nothing is sent to an address for 30 s, longer each time that it
    /// happens again soon, up to five minutes; nor to one that succeeds much less often than at least four others over 10 s.
    /// At most half of the addresses are ejected at once, and all are used where fewer than three in ten could be.
    pub fn new() -> Self {
        let success_rate =
            SuccessRate { interval_ns: 10_000_000_000, min_calls: 100, min_addresses: 5, deviations: 1.9 };
        let rules = Rules {
            consecutive_failures: Some(5),
            success_rate: Some(success_rate),
            base_ns: 30_000_000_000,
            most_ns: 300_000_000_000,
            max_share: 0.5,
        };
        Self {
            load: Load::default(),
            decay: Duration::from_secs(10),
            failure_counts_as: Duration::from_secs(1),
            given_up_after: None,
            rules,
            panic_below: 0.3,
            seed: None,
        }
    }

    /// By what the better of two addresses is told.
    pub fn load(mut self, load: Load) -> Self {
        self.load = load;
        self
    }

    /// The time in which a long call is forgotten, all but a third of it.
    pub fn decay(mut self, time: Duration) -> Self {
        self.decay = time;
        self
    }

    /// A call that failed counts as one that took at least this long: what fails at once would draw all calls otherwise.
    pub fn failure_counts_as(mut self, time: Duration) -> Self {
        self.failure_counts_as = time;
        self
    }

    /// A call whose future is dropped after this time or later counts as failed; unless told, none does. For time-outs that
    /// stand around the balancer.
    pub fn given_up_after(mut self, time: Duration) -> Self {
        self.given_up_after = Some(time);
        self
    }

    /// Failures in a row after which an address is ejected.
    pub fn consecutive_failures(mut self, failures: u32) -> Self {
        self.rules.consecutive_failures = Some(failures);
        self
    }

    /// Ejects no address for failures in a row.
    pub fn no_consecutive_failures(mut self) -> Self {
        self.rules.consecutive_failures = None;
        self
    }

    /// Ejects addresses whose rate of success over `interval` is so many standard deviations, and 5 in 100, below the mean;
    /// among at least `min_addresses` of at least `min_calls` each.
    pub fn success_rate(
        mut self,
        interval: Duration,
        min_calls: u32,
        min_addresses: usize,
        deviations: f64,
    ) -> Self {
        let interval_ns = nanoseconds(interval);
        self.rules.success_rate = Some(SuccessRate { interval_ns, min_calls, min_addresses, deviations });
        self
    }

    /// Ejects no address for its rate of success.
    pub fn no_success_rate(mut self) -> Self {
        self.rules.success_rate = None;
        self
    }

    /// How long an address is ejected; twice, three times as long when it happens again soon.
    pub fn eject_for(mut self, time: Duration) -> Self {
        self.rules.base_ns = nanoseconds(time);
        self
    }

    /// The longest time that an address is ejected.
    pub fn eject_for_at_most(mut self, time: Duration) -> Self {
        self.rules.most_ns = nanoseconds(time);
        self
    }

    /// The share of addresses that may be ejected at once, 0 to 1; never all, so that one address never is.
    pub fn eject_at_most(mut self, share: f64) -> Self {
        self.rules.max_share = share;
        self
    }

    /// Where a smaller share of addresses is neither ejected nor unhealthy, all are used: the few would break down under the
    /// load of all (Envoy's panic threshold). 0 to 1; where there is none left, all are used in any case.
    pub fn panic_below(mut self, share: f64) -> Self {
        self.panic_below = share;
        self
    }

    /// Where random numbers begin, so that choices can be repeated.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// A balancer of this name over these addresses, with what `service` makes of each, once.
    ///
    /// # Errors
    /// Where a setting cannot work, or there is no address.
    pub fn build<A, S>(
        &self,
        name: &str,
        addresses: impl IntoIterator<Item = A>,
        service: impl Fn(&A) -> S + Send + Sync + 'static,
    ) -> Result<Balancer<A, S>, ConfigError>
    where
        A: Clone + Eq + Hash + fmt::Debug,
    {
        self.check()?;
        Balancer::with(self, name, addresses, Box::new(service))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let is_time = |time: Duration| !time.is_zero() && time <= DAY;
        let is_span = |time_ns: u64| (1..=nanoseconds(DAY)).contains(&time_ns);
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        let Rules { consecutive_failures, success_rate, base_ns, most_ns, max_share } = &self.rules;
        let is_rate = |rate: &SuccessRate| {
            is_span(rate.interval_ns) && rate.min_addresses >= 2 && (0.0..=10.0).contains(&rate.deviations)
        };
        let settings = [
            ("decay", is_time(self.decay), "expected more than 0, up to a day"),
            ("failure_counts_as", self.failure_counts_as <= DAY, "expected up to a day"),
            ("consecutive_failures", *consecutive_failures != Some(0), "expected at least 1"),
            (
                "success_rate",
                success_rate.as_ref().is_none_or(is_rate),
                "expected up to a day, at least 2 addresses, 0 to 10",
            ),
            ("eject_for", is_span(*base_ns), "expected more than 0, up to a day"),
            ("eject_for_at_most", is_span(*most_ns), "expected more than 0, up to a day"),
            ("eject_at_most", is_share(*max_share), "expected 0 to 1"),
            ("panic_below", is_share(self.panic_below), "expected 0 to 1"),
        ];
        let wrong = settings.into_iter().find(|(_, is_right, _)| !is_right);
        wrong.map_or(Ok(()), |(setting, _, reason)| Err(ConfigError::new(setting, reason)))
    }
}

impl Default for BalanceOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Enough for 584 years.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
