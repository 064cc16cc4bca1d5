//! RegTech's answer to an analysis, in each of its three shapes.

use std::fmt;

use serde::Deserialize;

use super::RawJson;
use super::figure::{self, Child, Figure, Nested, Text};
use crate::client::Malformed;

/// One provider's compliance analysis: what its shapes have in common, and the answer as it came.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Analysis {
    /// RegTech's id of the analysis.
    pub analysis_id: Option<String>,
    /// The score, as RegTech scales it (0 to 100).
    pub score: Option<f64>,
    /// What the score measures: whether more is better.
    pub score_basis: ScoreBasis,
    /// The risk, whatever language it came in.
    pub risk_level: Option<RiskLevel>,
    /// The answer as it came.
    pub raw: RawJson,
}

/// What a score measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScoreBasis {
    /// Compliance: more is better (`overall_score`, `score`).
    Compliance,
    /// Risk: less is better (`risk_score`).
    Risk,
}

impl ScoreBasis {
    /// The English word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliance => "compliance",
            Self::Risk => "risk",
        }
    }
}

/// How risky a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RiskLevel {
    /// `low`, `bajo`
    Low,
    /// `medium`, `medio`
    Medium,
    /// `high`, `alto`
    High,
    /// `critical`, `critico`
    Critical,
}

impl RiskLevel {
    /// The English word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let any = |words: &[&str]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
        match () {
            () if any(&["low", "bajo"]) => Some(Self::Low),
            () if any(&["medium", "medio"]) => Some(Self::Medium),
            () if any(&["high", "alto"]) => Some(Self::High),
            () if any(&["critical", "critico", "crítico"]) => Some(Self::Critical),
            () => None,
        }
    }
}

impl fmt::Display for RiskLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The facts of all shapes: C has them at the top, A in `compliance_analysis`, B in `data`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    analysis_id: Text,
    score: Figure,
    overall_score: Figure,
    compliance_score: Figure,
    risk_score: Figure,
    risk_level: Text,
    compliance_analysis: Child<Self>,
    data: Child<Self>,
}

impl Nested for Facts {
    fn children(&self) -> impl Iterator<Item = &Self> {
        [&self.compliance_analysis, &self.data].into_iter().filter_map(|child| child.0.as_deref())
    }
}

impl Analysis {
    /// Reads an answer in any of its shapes.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it has neither a score nor a risk level nor an analysis id.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let (facts, raw): (Facts, _) = figure::keep(body)?;
        let compliance = facts.find(&|f: &Facts| f.overall_score.0.or(f.compliance_score.0).or(f.score.0));
        let risk = facts.find(&|f: &Facts| f.risk_score.0);
        let analysis = Self {
            analysis_id: facts.find(&|f: &Facts| f.analysis_id.0.clone()),
            score: compliance.or(risk),
            score_basis: match (compliance, risk) {
                (None, Some(_)) => ScoreBasis::Risk,
                _ => ScoreBasis::Compliance,
            },
            risk_level: facts.find(&|f: &Facts| f.risk_level.0.as_deref().and_then(RiskLevel::parse)),
            raw,
        };
        let is_analysis =
            analysis.score.is_some() || analysis.risk_level.is_some() || analysis.analysis_id.is_some();
        if is_analysis {
            Ok(analysis)
        } else {
            Err(Malformed::new("no score, risk level or analysis id in it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Analysis, Malformed> {
        Analysis::read(body.as_bytes())
    }

    #[test]
    fn shape_a_of_the_running_service() {
        let analysis = read(
            r#"{"success":true,"analysis_id":"an-1","provider_info":{"name":"x"},"compliance_analysis":
            {"overall_score":85.5,"risk_level":"bajo","confidence_level":0.9},"unknown":{"kept":[1]}}"#,
        )
        .unwrap();
        assert_eq!(analysis.analysis_id.as_deref(), Some("an-1"));
        assert_eq!((analysis.score, analysis.score_basis), (Some(85.5), ScoreBasis::Compliance));
        assert_eq!(analysis.risk_level, Some(RiskLevel::Low));
        assert!(analysis.raw.get().contains(r#""unknown":{"kept":[1]}"#));
    }

    #[test]
    fn shape_b_of_the_documented_api() {
        let analysis =
            read(r#"{"success":true,"data":{"analysis_id":7,"risk_score":"31","risk_level":"HIGH"}}"#)
                .unwrap();
        assert_eq!(analysis.analysis_id.as_deref(), Some("7"));
        assert_eq!((analysis.score, analysis.score_basis), (Some(31.0), ScoreBasis::Risk));
        assert_eq!(analysis.risk_level, Some(RiskLevel::High));
    }

    #[test]
    fn shape_c_of_the_challenge() {
        let analysis = read(r#"{"success":true,"score":85.5}"#).unwrap();
        assert_eq!((analysis.score, analysis.risk_level, analysis.analysis_id), (Some(85.5), None, None));
    }

    #[test]
    fn what_is_no_analysis_is_malformed() {
        for body in
            ["", "{", "[]", "7", "null", "{}", r#"{"success":true}"#, r#"{"score":[1]}"#, r#"{"data":3}"#]
        {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
