//! The simulated FLAISimulator: gamified ethics training.
use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard};

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::answer::{Answer, Health};
use super::chance::digest;
use super::latency::Pace;
use super::options::MetricsShape;
use super::routing::{Call, Route, Simulation};
use campus::{Campus, Unanswerable};

mod campus;
mod session;

/// The id of a training session that always exists.
pub const DEMO_SESSION: &str = "demo-session";

/// Sessions are capped by number, so each must be capped in size too.
const LONGEST_NAME: usize = 200;

#[derive(Debug)]
pub(super) struct FlaiSimulator {
    campus: Mutex<Campus>,
}

#[derive(Deserialize)]
struct SessionRequest<'a> {
    #[serde(borrow)]
    scenario_id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
}

#[derive(Serialize)]
struct NestedMetrics {
    users: u64,
    active_sims: u64,
    training_metrics: TrainingMetrics,
}

#[derive(Serialize)]
struct TrainingMetrics {
    active_users: u64,
    completion_rate: f64,
    avg_score: f64,
}

#[derive(Serialize)]
struct FlatMetrics {
    users: u64,
    active_sims: u64,
}

impl Simulation for FlaiSimulator {
    const ROUTES: &'static [Route<Self>] = &[
        Route {
            method: Method::GET,
            template: "/api/v1/metrics",
            pace: Pace::Figures,
            handler: Self::metrics,
        },
        Route {
            method: Method::POST,
            template: "/api/v1/training/sessions",
            pace: Pace::Update,
            handler: Self::begin,
        },
        Route {
            method: Method::GET,
            template: "/api/v1/training/sessions/{id}",
            pace: Pace::Figures,
            handler: Self::session,
        },
        Route {
            method: Method::POST,
            template: "/api/v1/training/sessions/{id}/responses",
            pace: Pace::Update,
            handler: Self::respond,
        },
        Route {
            method: Method::GET,
            template: "/api/v1/training/users/{id}/progress",
            pace: Pace::Figures,
            handler: Self::progress,
        },
        Route { method: Method::GET, template: "/health", pace: Pace::Health, handler: Self::health },
    ];
}

impl FlaiSimulator {
    pub(super) fn new(seed: u64) -> Self {
        Self { campus: Mutex::new(Campus::seeded(seed, OffsetDateTime::now_utc())) }
    }

    fn metrics(&self, call: &Call<'_>) -> Answer {
        let figures = self.campus().figures();
        let (users, active_sims) = (figures.users, figures.active_sims);
        match call.shapes.metrics {
            MetricsShape::Flat => Answer::json(StatusCode::OK, &FlatMetrics { users, active_sims }),
            MetricsShape::Nested => {
                let training_metrics = TrainingMetrics {
                    active_users: figures.active_users,
                    completion_rate: figures.completion_rate,
                    avg_score: figures.avg_score,
                };
                Answer::json(StatusCode::OK, &NestedMetrics { users, active_sims, training_metrics })
            }
        }
    }

    fn begin(&self, call: &Call<'_>) -> Answer {
        let Ok(request) = serde_json::from_slice::<SessionRequest<'_>>(call.body) else {
            return invalid("scenario_id and user_id are required");
        };
        let (scenario, user) = (request.scenario_id.trim(), request.user_id.trim());
        if scenario.is_empty() || user.is_empty() {
            return invalid("scenario_id and user_id must not be empty");
        }
        if scenario.len().max(user.len()) > LONGEST_NAME {
            return invalid("scenario_id and user_id must not be longer than 200 bytes");
        }
        let id = uuid::Uuid::now_v7().to_string();
        let session = self.campus().begin(&id, scenario, user, OffsetDateTime::now_utc());
        Answer { status: StatusCode::CREATED, ..Answer::success(session.view()).applied() }
    }

    fn session(&self, call: &Call<'_>) -> Answer {
        let session = self.campus().session(call.id, OffsetDateTime::now_utc());
        match session {
            Some(session) => Answer::success(session.view()),
            None => unknown("SESSION_NOT_FOUND", "no such training session", call.id),
        }
    }

    fn respond(&self, call: &Call<'_>) -> Answer {
        if serde_json::from_slice::<Map<String, Value>>(call.body).is_err() {
            return invalid("a response is a JSON object");
        }
        // The same response to the same session earns the same score, as a real rubric would give.
        let text = String::from_utf8_lossy(call.body);
        let quality = digest(&[call.id, &text]);
        let responded = self.campus().respond(call.id, quality, OffsetDateTime::now_utc());
        match responded {
            Ok(session) => Answer::success(session.view()).applied(),
            Err(Unanswerable::Unknown) => unknown("SESSION_NOT_FOUND", "no such training session", call.id),
            Err(Unanswerable::Over(status)) => {
                let message = "the training session takes no more responses";
                Answer::coded(StatusCode::CONFLICT, "SESSION_OVER", message, status)
            }
        }
    }

    fn progress(&self, call: &Call<'_>) -> Answer {
        let progress = self.campus().progress(call.id);
        match progress {
            Some(progress) => Answer::success(progress.view(call.id)),
            None => unknown("USER_NOT_FOUND", "no such user", call.id),
        }
    }

    fn health(&self, _: &Call<'_>) -> Answer {
        let capabilities = ["metrics", "training_sessions", "progress"];
        Answer::json(StatusCode::OK, &Health::of("FLAISimulator", &capabilities))
    }

    fn campus(&self) -> MutexGuard<'_, Campus> {
        self.campus.lock().expect("nothing panics while it is held")
    }
}

fn invalid(details: &str) -> Answer {
    Answer::coded(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", "the request is not valid", details)
}

fn unknown(code: &str, message: &str, id: &str) -> Answer {
    Answer::coded(StatusCode::NOT_FOUND, code, message, id)
}
