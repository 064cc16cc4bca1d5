//! When a second attempt is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;

use super::HedgeLayer;
use crate::ConfigError;
use crate::client::AttemptBudget;

type Hedgeable = dyn Fn(&Parts) -> bool + Send + Sync;

/// When a second attempt is made.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::client::hedge::HedgeOptions;
///
/// let hedge = HedgeOptions::new().quantile(0.99).until_known(Duration::from_millis(200)).build()?;
/// assert_eq!(hedge.delay(), Duration::from_millis(200));
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct HedgeOptions {
    /// In millionths.
    pub(super) quantile: u64,
    pub(super) at_least: Duration,
    pub(super) until_known: Duration,
    pub(super) learn_from: u64,
    pub(super) window: Duration,
    pub(super) budget: Option<AttemptBudget>,
    hedgeable: Option<Arc<Hedgeable>>,
}

impl HedgeOptions {
    /// After the time within which 95 of 100 calls of the last minute were answered, and 1 ms at least; after 100 ms as long as
    /// fewer than 20 are known. A budget of its own, [`AttemptBudget::for_hedges`].
    pub fn new() -> Self {
        Self {
            quantile: 950_000,
            at_least: Duration::from_millis(1),
            until_known: Duration::from_millis(100),
            learn_from: 20,
            window: Duration::from_secs(60),
            budget: None,
            hedgeable: None,
        }
    }

    /// The share of calls that are answered before a second attempt would be made, over 0 and under 1.
    pub fn quantile(mut self, share: f64) -> Self {
        self.quantile = millionths(share);
        self
    }

    /// No second attempt is made sooner.
    pub fn at_least(mut self, time: Duration) -> Self {
        self.at_least = time;
        self
    }

    /// When a second attempt is made as long as too few calls are known.
    pub fn until_known(mut self, time: Duration) -> Self {
        self.until_known = time;
        self
    }

    /// The number of calls within the window below which their times mean nothing.
    pub fn learn_from(mut self, calls: u64) -> Self {
        self.learn_from = calls;
        self
    }

    /// How far back it looks; the window slides by an eighth of it.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// The budget, to be shared by all who call one service. A second attempt is not made where it is used up.
    pub fn budget(mut self, budget: AttemptBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Which requests may be under way twice at once, instead of those whose method is safe (RFC 9110 §9.2.1).
    pub fn hedgeable(mut self, hedgeable: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.hedgeable = Some(Arc::new(hedgeable));
        self
    }

    /// The layer. Its clones and all services that it makes share times and budget.
    ///
    /// # Errors
    /// Where a setting cannot work.
    pub fn build(self) -> Result<HedgeLayer, ConfigError> {
        const HOUR: Duration = Duration::from_secs(3600);
        let window = Duration::from_millis(8)..=24 * HOUR;
        let settings = [
            ("quantile", (1..1_000_000).contains(&self.quantile), "expected more than 0, less than 1"),
            ("at_least", self.at_least <= HOUR, "expected up to an hour"),
            ("until_known", self.until_known <= HOUR, "expected up to an hour"),
            ("learn_from", self.learn_from > 0, "expected at least 1"),
            ("window", window.contains(&self.window), "expected 8 ms to a day"),
        ];
        let wrong = settings.into_iter().find(|(_, is_right, _)| !is_right);
        wrong.map_or(Ok(()), |(setting, _, reason)| Err(ConfigError::new(setting, reason)))?;
        Ok(HedgeLayer::with(self))
    }

    pub(super) fn is_hedgeable(&self, request: &Parts) -> bool {
        self.hedgeable.as_ref().map_or_else(|| request.method.is_safe(), |hedgeable| hedgeable(request))
    }
}

impl Default for HedgeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HedgeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeOptions")
            .field("quantile", &self.quantile)
            .field("at_least", &self.at_least)
            .field("until_known", &self.until_known)
            .field("window", &self.window)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// Beyond every bound where it is no number within them.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 10^6 there")]
fn millionths(share: f64) -> u64 {
    if (0.0..=1.0).contains(&share) { (share * 1e6).round() as u64 } else { u64::MAX }
}
