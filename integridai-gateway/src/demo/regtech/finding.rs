//! What an analysis finds: a function of the provider alone, so that a repeated analysis agrees with itself.
use crate::demo::chance::{digest, fraction, rounded, scramble};

/// The facts of one analysis; the shapes only tell them differently.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding<'a> {
    pub(super) name: &'a str,
    pub(super) cuit: &'a str,
    pub(super) sector: &'a str,
    pub(super) documents: usize,
    /// 0 to 100; higher is better.
    pub(super) score: f64,
    pub(super) level: Level,
    pub(super) confidence: f64,
    /// The CUIT's digits as a number: what tells one provider from another.
    pub(super) provider: u64,
    bits: u64,
}

/// The risk that goes with a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Low,
    Medium,
    High,
    Critical,
}

/// Where a registry stands on a provider.
pub(super) struct Verification {
    pub(super) verified: bool,
    pub(super) confidence: f64,
}

impl<'a> Finding<'a> {
    pub(super) fn of(name: &'a str, cuit: &'a str, sector: &'a str, documents: usize) -> Self {
        let (name, cuit, sector) = (name.trim(), cuit.trim(), sector.trim());
        let digits: String = cuit.chars().filter(char::is_ascii_digit).collect();
        let bits = digest(&[&digits, &sector.to_lowercase(), name]);
        // The root tilts an even spread towards good scores, and still reaches both ends.
        let score = rounded(fraction(bits).sqrt() * 100.0, 1);
        Self {
            name,
            cuit,
            sector,
            documents,
            score,
            level: Level::of(score),
            confidence: rounded(0.7 + 0.29 * fraction(scramble(bits)), 2),
            provider: digest(&[if digits.is_empty() { cuit } else { &digits }]),
            bits,
        }
    }

    /// The verdict of one of the four registries.
    pub(super) fn verification(&self, registry: u64) -> Verification {
        let bits = scramble(self.bits.wrapping_add(registry));
        let verified = fraction(bits) * 100.0 < self.score + 25.0;
        Verification { verified, confidence: rounded(0.75 + 0.24 * fraction(scramble(bits)), 2) }
    }
}

impl Level {
    pub(super) fn of(score: f64) -> Self {
        match score {
            score if score >= 70.0 => Self::Low,
            score if score >= 40.0 => Self::Medium,
            score if score >= 20.0 => Self::High,
            _ => Self::Critical,
        }
    }

    pub(super) fn is_high(self) -> bool {
        matches!(self, Self::High | Self::Critical)
    }

    /// The running service knows three levels.
    pub(super) fn spanish(self) -> &'static str {
        match self {
            Self::Low => "bajo",
            Self::Medium => "medio",
            Self::High | Self::Critical => "alto",
        }
    }

    /// The documented service knows four.
    pub(super) fn english(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Finding;

    #[test]
    fn the_same_provider_is_judged_the_same_however_its_cuit_is_written() {
        let finding = Finding::of("Acme", "30-71234567-1", "tecnologia", 0);
        let other = Finding::of(" Acme ", "30712345671", "Tecnologia", 0);
        assert_eq!((finding.score, finding.provider), (other.score, other.provider));
        assert_ne!(finding.score, Finding::of("Acme", "30-71234567-2", "tecnologia", 0).score);
    }

    #[test]
    fn scores_reach_every_decile_and_agree_with_their_level() {
        let mut deciles = [0; 10];
        for number in 0..2_000 {
            let cuit = format!("30-{number:08}-1");
            let finding = Finding::of("Acme", &cuit, "energia", 0);
            assert!((0.0..=100.0).contains(&finding.score));
            assert_eq!(finding.level.is_high(), finding.score < 40.0);
            deciles[((finding.score / 10.0) as usize).min(9)] += 1;
        }
        assert!(deciles.iter().all(|count| *count > 5), "{deciles:?}");
    }
}
