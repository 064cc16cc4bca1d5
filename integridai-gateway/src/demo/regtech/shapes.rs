//! One analysis in the three shapes in which it is seen in the wild.
use std::time::Duration as Delay;

use http::StatusCode;
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::finding::{Finding, Level};
use crate::demo::answer::{Answer, timestamp};
use crate::demo::chance::rounded;

const REGISTRIES: [(&str, &str); 4] = [
    ("afip", "tax registration"),
    ("bcra", "debtors register"),
    ("cnv", "securities register"),
    ("uif", "anti-money-laundering register"),
];

#[derive(Serialize)]
struct Running<'a> {
    success: bool,
    analysis_id: &'a str,
    provider_info: ProviderInfo<'a>,
    compliance_analysis: ComplianceAnalysis<'a>,
    official_verifications: Verifications<'a>,
    risk_analysis: RiskAnalysis<'a>,
    recommendations: Recommendations,
    executive_summary: String,
    analysis_metadata: Metadata,
}

#[derive(Serialize)]
struct ProviderInfo<'a> {
    name: &'a str,
    cuit: &'a str,
    sector: &'a str,
}

#[derive(Serialize)]
struct ComplianceAnalysis<'a> {
    overall_score: f64,
    risk_level: &'a str,
    confidence_level: f64,
}

#[derive(Serialize)]
struct Verifications<'a> {
    afip: Registry<'a>,
    bcra: Registry<'a>,
    cnv: Registry<'a>,
    uif: Registry<'a>,
}

#[derive(Serialize)]
struct Registry<'a> {
    verified: bool,
    status: &'a str,
    confidence: f64,
    details: &'a str,
    source: &'a str,
    verification_date: &'a str,
}

#[derive(Serialize)]
struct RiskAnalysis<'a> {
    factors: [RiskFactor<'a>; 3],
}

#[derive(Serialize)]
struct RiskFactor<'a> {
    category: &'a str,
    level: &'a str,
    description: &'a str,
    impact: &'a str,
}

#[derive(Serialize)]
struct Recommendations {
    immediate: &'static [&'static str],
    short_term: &'static [&'static str],
    long_term: &'static [&'static str],
}

#[derive(Serialize)]
struct Metadata {
    duration_seconds: f64,
    documents_analyzed: usize,
    verification_sources: usize,
    ai_enhanced: bool,
}

#[derive(Serialize)]
struct Documented<'a> {
    provider_id: String,
    analysis_id: &'a str,
    risk_score: f64,
    risk_level: &'a str,
    compliance_status: &'a str,
    analysis_date: &'a str,
    verification_data: Verifications<'a>,
    risk_factors: [RiskFactor<'a>; 3],
    recommendations: Vec<&'static str>,
    documents_analyzed: usize,
    next_review_date: String,
}

#[derive(Serialize)]
struct Smallest {
    success: bool,
    score: f64,
}

/// Shape A: the running service.
pub(super) fn running(finding: &Finding<'_>, analysis_id: &str, now: OffsetDateTime, delay: Delay) -> Answer {
    let date = timestamp(now);
    let level = finding.level.spanish();
    let analysis = Running {
        success: true,
        analysis_id,
        provider_info: ProviderInfo { name: finding.name, cuit: finding.cuit, sector: finding.sector },
        compliance_analysis: ComplianceAnalysis {
            overall_score: finding.score,
            risk_level: level,
            confidence_level: finding.confidence,
        },
        official_verifications: verifications(finding, &date),
        risk_analysis: RiskAnalysis { factors: risk_factors(level) },
        recommendations: recommendations(finding.level),
        executive_summary: format!("{}: {} of 100 points, risk {level}.", finding.name, finding.score),
        analysis_metadata: Metadata {
            duration_seconds: rounded(delay.as_secs_f64(), 3),
            documents_analyzed: finding.documents,
            verification_sources: REGISTRIES.len(),
            ai_enhanced: false,
        },
    };
    Answer::json(StatusCode::OK, &analysis)
}

/// Shape B: the documented service.
pub(super) fn documented(finding: &Finding<'_>, analysis_id: &str, now: OffsetDateTime) -> Answer {
    let date = timestamp(now);
    let advice = recommendations(finding.level);
    let level = finding.level.english();
    Answer::success(Documented {
        provider_id: format!("prov-{:016x}", finding.provider),
        analysis_id,
        risk_score: finding.score,
        risk_level: level,
        compliance_status: if finding.level.is_high() { "non_compliant" } else { "compliant" },
        analysis_date: &date,
        verification_data: verifications(finding, &date),
        risk_factors: risk_factors(level),
        recommendations: [advice.immediate, advice.short_term, advice.long_term].concat(),
        documents_analyzed: finding.documents,
        next_review_date: timestamp(now + Duration::days(180)),
    })
}

/// Shape C: the challenge's own test.
pub(super) fn smallest(finding: &Finding<'_>) -> Answer {
    Answer::json(StatusCode::OK, &Smallest { success: true, score: finding.score })
}

fn verifications<'a>(finding: &Finding<'_>, date: &'a str) -> Verifications<'a> {
    let [afip, bcra, cnv, uif] = std::array::from_fn(|index| {
        let (source, details) = REGISTRIES[index];
        let verdict = finding.verification(index as u64);
        Registry {
            verified: verdict.verified,
            status: if verdict.verified { "verified" } else { "not_verified" },
            confidence: verdict.confidence,
            details,
            source,
            verification_date: date,
        }
    });
    Verifications { afip, bcra, cnv, uif }
}

fn risk_factors(level: &str) -> [RiskFactor<'_>; 3] {
    let factor = |category, description, impact| RiskFactor { category, level, description, impact };
    [
        factor(
            "integrity_program",
            "scope of the integrity program (law 27.401, articles 22 and 23)",
            "legal",
        ),
        factor("documentation", "completeness of the documents handed in", "operational"),
        factor("exposure", "dealings with the public sector", "reputational"),
    ]
}

fn recommendations(level: Level) -> Recommendations {
    let immediate: &[&str] = match level {
        Level::Low => &[],
        Level::Medium => &["complete the missing documents"],
        Level::High | Level::Critical => &["suspend new contracts", "open an enhanced due diligence"],
    };
    Recommendations {
        immediate,
        short_term: &["train the staff in contact with public officials"],
        long_term: &["review the integrity program every year"],
    }
}
