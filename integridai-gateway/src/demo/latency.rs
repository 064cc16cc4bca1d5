//! How long a simulated service takes to answer.
use std::str::FromStr;
use std::time::Duration;

use super::chance::Chance;

/// No single answer is held back longer than this, whatever the scale.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// How long the simulated services take to answer. The default is [`Latency::None`].
///
/// ```
/// use integridai_gateway::demo::Latency;
///
/// assert_eq!("none".parse(), Ok(Latency::None));
/// assert_eq!("realistic".parse(), Ok(Latency::Realistic { scale: 1.0 }));
/// assert_eq!("realistic:0.1".parse(), Ok(Latency::Realistic { scale: 0.1 }));
/// assert!("realistic:-1".parse::<Latency>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Latency {
    /// Answers as soon as they are computed.
    #[default]
    None,
    /// Log-normal delays as the real services show them: 0.5 to 3 s for an analysis, 20 to 80 ms for figures.
    Realistic {
        /// Every delay is multiplied by this; what is not a positive number means no delay.
        scale: f64,
    },
}

/// A text that names no [`Latency`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected none, realistic or realistic:<scale between 0 and 100>, got {0:?}")]
pub struct LatencyError(String);

impl FromStr for Latency {
    type Err = LatencyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None if text == "realistic" => Ok(Self::Realistic { scale: 1.0 }),
            Some(("realistic", scale)) => scale
                .parse()
                .ok()
                .filter(|scale: &f64| (0.0..=100.0).contains(scale))
                .map(|scale| Self::Realistic { scale })
                .ok_or_else(|| LatencyError(text.to_owned())),
            _ => Err(LatencyError(text.to_owned())),
        }
    }
}

/// How much work a call is for the real service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Analysis,
    Figures,
    Update,
    Health,
}

struct Profile {
    median_ms: f64,
    sigma: f64,
    least_ms: f64,
    most_ms: f64,
}

impl Pace {
    fn profile(self) -> Profile {
        match self {
            Self::Analysis => Profile { median_ms: 1_100.0, sigma: 0.45, least_ms: 500.0, most_ms: 3_000.0 },
            Self::Figures => Profile { median_ms: 38.0, sigma: 0.35, least_ms: 20.0, most_ms: 80.0 },
            Self::Update => Profile { median_ms: 25.0, sigma: 0.4, least_ms: 10.0, most_ms: 90.0 },
            Self::Health => Profile { median_ms: 4.0, sigma: 0.3, least_ms: 1.0, most_ms: 15.0 },
        }
    }
}

impl Latency {
    pub(super) fn sample(self, pace: Pace, chance: &Chance) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Realistic { scale } => {
                let profile = pace.profile();
                let delay = profile.median_ms * (profile.sigma * normal(chance)).exp();
                scaled(delay.clamp(profile.least_ms, profile.most_ms), scale)
            }
        }
    }
}

fn scaled(milliseconds: f64, scale: f64) -> Duration {
    // A float cast saturates and turns NaN into 0, so no scale can panic here.
    let microseconds = (milliseconds * scale * 1_000.0) as u64;
    Duration::from_micros(microseconds).min(LONGEST_DELAY)
}

/// A standard normal number (Box and Muller, 1958).
fn normal(chance: &Chance) -> f64 {
    let radius = (-2.0 * (1.0 - chance.fraction()).ln()).sqrt();
    radius * (std::f64::consts::TAU * chance.fraction()).cos()
}

#[cfg(test)]
mod tests {
    use super::{Chance, Duration, Latency, Pace};

    fn samples(latency: Latency, pace: Pace, seed: u64) -> Vec<Duration> {
        let chance = Chance::new(seed);
        (0..500).map(|_| latency.sample(pace, &chance)).collect()
    }

    #[test]
    fn realistic_delays_vary_within_their_bounds_and_repeat_with_the_seed() {
        let realistic = Latency::Realistic { scale: 1.0 };
        let drawn = samples(realistic, Pace::Analysis, 3);
        let bounds = Duration::from_millis(500)..=Duration::from_secs(3);
        assert!(drawn.iter().all(|delay| bounds.contains(delay)));
        assert!(drawn.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(drawn, samples(realistic, Pace::Analysis, 3));
        let shorter = samples(Latency::Realistic { scale: 0.1 }, Pace::Analysis, 3);
        assert!(shorter.iter().all(|delay| *delay <= Duration::from_millis(300)));
    }

    #[test]
    fn a_senseless_scale_neither_panics_nor_waits_for_ever() {
        for scale in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0] {
            let drawn = samples(Latency::Realistic { scale }, Pace::Figures, 1);
            assert!(drawn.iter().all(Duration::is_zero), "{scale}");
        }
        let endless = samples(Latency::Realistic { scale: f64::INFINITY }, Pace::Figures, 1);
        assert!(endless.iter().all(|delay| *delay == super::LONGEST_DELAY));
    }
}
