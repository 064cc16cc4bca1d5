//! The simulated `RegTech` engine: provider compliance under the Argentine law 27.401.
use std::sync::{Mutex, MutexGuard};

use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use time::OffsetDateTime;

use super::answer::{Answer, Health};
use super::latency::Pace;
use super::options::{AnalysisShape, MetricsShape};
use super::routing::{Call, Route, Simulation};
use figures::Figures;
use finding::Finding;

mod dashboard;
mod figures;
mod finding;
mod shapes;
mod updates;

const MISSING_FIELDS: &str = "Campos requeridos: name, cuit, sector";

#[derive(Debug)]
pub(super) struct RegTech {
    figures: Mutex<Figures>,
}

#[derive(Deserialize)]
struct AnalysisRequest {
    name: String,
    cuit: String,
    sector: String,
    #[serde(default)]
    documents: Option<Vec<IgnoredAny>>,
}

impl Simulation for RegTech {
    const ROUTES: &'static [Route<Self>] = &[
        Route {
            method: Method::POST,
            template: "/analyze_provider",
            pace: Pace::Analysis,
            handler: Self::analyze,
        },
        Route {
            method: Method::GET,
            template: "/compliance_dashboard",
            pace: Pace::Figures,
            handler: Self::compliance_dashboard,
        },
        Route {
            method: Method::GET,
            template: "/regulatory_updates",
            pace: Pace::Figures,
            handler: Self::regulatory_updates,
        },
        Route { method: Method::GET, template: "/health", pace: Pace::Health, handler: Self::health },
    ];
}

impl RegTech {
    pub(super) fn new(seed: u64) -> Self {
        Self { figures: Mutex::new(Figures::seeded(seed, OffsetDateTime::now_utc())) }
    }

    fn analyze(&self, call: &Call<'_>) -> Answer {
        let request = match AnalysisRequest::parse(call.body) {
            Ok(request) => request,
            Err(error) => return Answer::refusal(StatusCode::BAD_REQUEST, error),
        };
        let now = OffsetDateTime::now_utc();
        let documents = request.documents.as_ref().map_or(0, Vec::len);
        let finding = Finding::of(&request.name, &request.cuit, &request.sector, documents);
        let analysis_id = uuid::Uuid::now_v7().to_string();
        self.figures().record(&finding, &analysis_id, now);
        let answer = match call.shapes.analysis {
            AnalysisShape::A => shapes::running(&finding, &analysis_id, now, call.delay),
            AnalysisShape::B => shapes::documented(&finding, &analysis_id, now),
            AnalysisShape::C => shapes::smallest(&finding),
        };
        answer.applied()
    }

    fn compliance_dashboard(&self, call: &Call<'_>) -> Answer {
        let now = OffsetDateTime::now_utc();
        let snapshot = self.figures().snapshot(now);
        match call.shapes.metrics {
            MetricsShape::Nested => dashboard::nested(&snapshot, now),
            MetricsShape::Flat => dashboard::flat(&snapshot, now),
        }
    }

    fn regulatory_updates(&self, _: &Call<'_>) -> Answer {
        updates::answer()
    }

    fn health(&self, _: &Call<'_>) -> Answer {
        let capabilities = ["provider_analysis", "compliance_dashboard", "regulatory_updates"];
        Answer::json(StatusCode::OK, &Health::of("RegTech Engine", &capabilities))
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().expect("nothing panics while it is held")
    }
}

impl AnalysisRequest {
    fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let request: Self = serde_json::from_slice(body).map_err(|error| match error.classify() {
            Category::Data => MISSING_FIELDS,
            Category::Io | Category::Syntax | Category::Eof => "invalid JSON",
        })?;
        let blank = [&request.name, &request.cuit, &request.sector].iter().any(|text| text.trim().is_empty());
        if blank { Err(MISSING_FIELDS) } else { Ok(request) }
    }
}
