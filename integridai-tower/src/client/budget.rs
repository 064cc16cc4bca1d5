//! How many attempts there may be beyond the first.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tower::retry::budget::{Budget, TpsBudget};

use crate::ConfigError;

/// How many attempts there may be beyond the first of each request, as a share of the requests of the last seconds
/// (Finagle's retry budget, as [tower](TpsBudget) has it). A clone is the same budget: let all who call one service
/// share it.
///
/// While a service is well, single failures are repeated; when it is down, the attempts that it gets on top stay a
/// small share of what it gets anyway (*Site Reliability Engineering*, chapter 21).
#[derive(Clone)]
pub struct AttemptBudget(Arc<TpsBudget>);

impl AttemptBudget {
    /// `share` further attempts for each request of the last `lookback`, and `per_second` more in each second.
    ///
    /// A share of 0.1 is one attempt for ten requests. One that does not divide 1 counts as the next smaller one that does:
    /// 0.3 as a quarter.
    ///
    /// # Errors
    /// Where `share` is neither 0 nor 0.001 to 1, or `lookback` is not 1 s to 60 s, or `per_second` is more than a million.
    pub fn new(share: f64, per_second: u32, lookback: Duration) -> Result<Self, ConfigError> {
        let seconds = Duration::from_secs(1)..=Duration::from_secs(60);
        let settings = [
            ("share", share == 0.0 || (0.001..=1.0).contains(&share), "expected 0, or 0.001 to 1"),
            ("lookback", seconds.contains(&lookback), "expected 1 s to 60 s"),
            ("per_second", per_second <= 1_000_000, "expected up to a million"),
        ];
        let wrong = settings.into_iter().find(|(_, is_right, _)| !is_right);
        wrong.map_or(Ok(()), |(setting, _, reason)| Err(ConfigError::new(setting, reason)))?;
        Ok(Self::checked(share, per_second, lookback))
    }

    /// One attempt for ten requests of the last second, and five in each second: what [`RetryLayer`](super::retry::RetryLayer)
    /// has unless told. Nothing is saved up for longer, so that a service which begins to fail sees no burst of them.
    #[must_use]
    pub fn for_retries() -> Self {
        Self::checked(0.1, 5, Duration::from_secs(1))
    }

    /// One attempt for twenty requests of the last thirty seconds: what [`HedgeLayer`](super::hedge::HedgeLayer) has unless told.
    /// A client with fewer requests than that has none, unless it is given some in each second.
    #[must_use]
    pub fn for_hedges() -> Self {
        Self::checked(0.05, 0, Duration::from_secs(30))
    }

    fn checked(share: f64, per_second: u32, lookback: Duration) -> Self {
        Self(Arc::new(TpsBudget::new(lookback, per_second, whole(share))))
    }

    /// Counts a request.
    pub(super) fn deposit(&self) {
        self.0.deposit();
    }

    /// Whether there may be one more attempt, which is counted then.
    pub(super) fn withdraw(&self) -> bool {
        self.0.withdraw()
    }
}

/// tower's budget takes the whole part of `1 / share`, in single precision: the half keeps it from falling below.
#[allow(clippy::cast_possible_truncation, reason = "the share is between 0.0006 and 0.7")]
fn whole(share: f64) -> f32 {
    if share == 0.0 { 0.0 } else { ((share.recip() - 1e-9).ceil() + 0.5).recip() as f32 }
}

impl fmt::Debug for AttemptBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AttemptBudget").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOOKBACK: Duration = Duration::from_secs(10);

    /// How many attempts a budget grants right away.
    fn granted(budget: &AttemptBudget) -> u64 {
        std::iter::repeat_with(|| budget.withdraw()).take(10_000).take_while(|granted| *granted).count()
            as u64
    }

    proptest! {
        #[test]
        fn attempts_never_exceed_their_share(thousandths in 1_u64..=1000, requests in 0_u64..3000) {
            let budget = AttemptBudget::new(thousandths as f64 / 1000.0, 0, LOOKBACK).unwrap();
            (0..requests).for_each(|_| budget.deposit());
            prop_assert_eq!(granted(&budget), requests / 1000_u64.div_ceil(thousandths));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_are_long_over_allow_nothing() {
        let budget = AttemptBudget::new(0.5, 0, LOOKBACK).unwrap();
        let same = budget.clone();
        (0..10).for_each(|_| budget.deposit());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(same.withdraw());
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(granted(&budget), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_there_is_each_second_comes_back() {
        let budget = AttemptBudget::new(0.0, 2, LOOKBACK).unwrap();
        (0..100).for_each(|_| budget.deposit());
        assert_eq!(granted(&budget), 20);
        tokio::time::advance(Duration::from_secs(12)).await;
        budget.deposit();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(granted(&budget), 20);
    }

    #[test]
    fn a_budget_that_cannot_work_is_refused() {
        for (share, per_second, lookback, setting) in [
            (-0.1, 0, LOOKBACK, "share"),
            (1.1, 0, LOOKBACK, "share"),
            (f64::NAN, 0, LOOKBACK, "share"),
            (0.000_1, 0, LOOKBACK, "share"),
            (0.1, 1_000_001, LOOKBACK, "per_second"),
            (0.1, 0, Duration::from_millis(999), "lookback"),
            (0.1, 0, Duration::from_secs(61), "lookback"),
        ] {
            let error = AttemptBudget::new(share, per_second, lookback).unwrap_err();
            assert_eq!(error.setting(), setting, "{share} {per_second} {lookback:?}");
        }
    }
}
