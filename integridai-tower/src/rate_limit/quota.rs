//! How much is allowed, and how fast it comes back, in whole numbers.

use std::borrow::Cow;
use std::time::Duration;

/// So much per period: `limit` requests at a steady pace, and up to a burst at once.
///
/// It is the generic cell rate algorithm (GCRA, ITU-T I.371): a key that has not asked for long may ask for the whole
/// burst at once; what was taken comes back one by one, one every `period / limit`. Over any stretch of time no more than
/// `burst + limit × time / period` are admitted.
///
/// ```
/// use integridai_tower::rate_limit::Quota;
///
/// let quota = Quota::per_minute(600).burst(20);
/// assert_eq!((quota.limit(), quota.capacity(), quota.period().as_secs()), (600, 20, 60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Quota {
    name: Cow<'static, str>,
    limit: u32,
    period: Duration,
    burst: u32,
}

impl Quota {
    /// `limit` per `period`, all of which may come at once. Named after its period, such as `90s`.
    ///
    /// What cannot work, such as a limit of zero, is found when a limiter is built from it.
    pub fn new(limit: u32, period: Duration) -> Self {
        Self { name: name_of(period), limit, period, burst: limit }
    }

    /// `limit` per second, named `second`.
    pub fn per_second(limit: u32) -> Self {
        Self::new(limit, SECOND)
    }

    /// `limit` per minute, named `minute`.
    pub fn per_minute(limit: u32) -> Self {
        Self::new(limit, MINUTE)
    }

    /// `limit` per hour, named `hour`.
    pub fn per_hour(limit: u32) -> Self {
        Self::new(limit, HOUR)
    }

    /// `limit` per day of 24 hours, named `day`.
    pub fn per_day(limit: u32) -> Self {
        Self::new(limit, DAY)
    }

    /// How many may come at once; the limit unless told.
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// The name of the policy in `RateLimit` and `RateLimit-Policy`, unique within a limiter; visible ASCII.
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The name of the policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many come back per period.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// The period.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// How many may come at once.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.burst
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

fn name_of(period: Duration) -> Cow<'static, str> {
    match period {
        SECOND => "second".into(),
        MINUTE => "minute".into(),
        HOUR => "hour".into(),
        DAY => "day".into(),
        _ if period.subsec_nanos() == 0 => format!("{}s", period.as_secs()).into(),
        _ => format!("{}us", period.as_micros()).into(),
    }
}
