//! The answers of `GET /compliance_dashboard`.
use http::StatusCode;
use serde::Serialize;
use time::OffsetDateTime;

use super::figures::{RecentAnalysis, SectorShare, Snapshot};
use crate::demo::answer::{Answer, timestamp};

#[derive(Serialize)]
struct Nested<'a> {
    success: bool,
    timestamp: String,
    system_status: &'a str,
    metrics: Metrics,
    recent_analyses: &'a [RecentAnalysis],
    sector_distribution: &'a [SectorShare],
}

#[derive(Serialize)]
struct Metrics {
    total_providers: u64,
    avg_compliance_score: f64,
    high_risk_providers: u64,
    analyses_24h: u64,
}

#[derive(Serialize)]
struct Flat {
    success: bool,
    timestamp: String,
    total_providers: u64,
    avg_score: f64,
}

/// As the running service answers.
pub(super) fn nested(snapshot: &Snapshot, now: OffsetDateTime) -> Answer {
    let answer = Nested {
        success: true,
        timestamp: timestamp(now),
        system_status: "operational",
        metrics: Metrics {
            total_providers: snapshot.providers,
            avg_compliance_score: snapshot.average,
            high_risk_providers: snapshot.high_risk,
            analyses_24h: snapshot.last_day,
        },
        recent_analyses: &snapshot.recent,
        sector_distribution: &snapshot.sectors,
    };
    Answer::json(StatusCode::OK, &answer)
}

/// As the challenge reads it.
pub(super) fn flat(snapshot: &Snapshot, now: OffsetDateTime) -> Answer {
    let (total_providers, avg_score) = (snapshot.providers, snapshot.average);
    let answer = Flat { success: true, timestamp: timestamp(now), total_providers, avg_score };
    Answer::json(StatusCode::OK, &answer)
}
