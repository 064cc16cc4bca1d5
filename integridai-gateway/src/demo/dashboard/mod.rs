//! The simulated dashboard: takes updates, each idempotency key once, and shows the sums.
use std::sync::{Mutex, MutexGuard};

use http::{Method, StatusCode};
use serde::Serialize;

use super::answer::{Answer, Effect, Health};
use super::control::REMEMBERED_KEYS;
use super::fifo::FifoMap;
use super::latency::Pace;
use super::options::MetricsShape;
use super::routing::{Call, Route, Simulation};
use board::{Board, NestedMetrics};
use update::{Update, UpdateKind};

mod board;
mod update;

#[derive(Debug)]
pub(super) struct Dashboard {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    board: Board,
    /// The answer to each key; a forgotten key would be applied again, as in any real service.
    answers: FifoMap<String, Answer>,
}

#[derive(Serialize)]
struct Updated<'a> {
    success: bool,
    updated: &'a str,
    updates: u64,
}

impl Simulation for Dashboard {
    const ROUTES: &'static [Route<Self>] = &[
        Route {
            method: Method::POST,
            template: "/api/update_metrics",
            pace: Pace::Update,
            handler: Self::update,
        },
        Route {
            method: Method::GET,
            template: "/api/v1/dashboard/metrics",
            pace: Pace::Figures,
            handler: Self::metrics,
        },
        Route { method: Method::GET, template: "/health", pace: Pace::Health, handler: Self::health },
    ];
}

impl Dashboard {
    pub(super) fn new(seed: u64) -> Self {
        let answers = FifoMap::new(REMEMBERED_KEYS);
        Self { state: Mutex::new(State { board: Board::seeded(seed), answers }) }
    }

    fn update(&self, call: &Call<'_>) -> Answer {
        let update = match Update::parse(call.body) {
            Ok(update) => update,
            Err(error) => return Answer::refusal(error.status(), &error.to_string()),
        };
        self.state().apply(&update, call.idempotency_key)
    }

    fn metrics(&self, call: &Call<'_>) -> Answer {
        let state = self.state();
        let (overview, trends, training) =
            (state.board.overview(), state.board.trends(), state.board.training());
        drop(state);
        match call.shapes.metrics {
            MetricsShape::Nested => {
                Answer::success(NestedMetrics { overview, trends, training_metrics: training })
            }
            MetricsShape::Flat => Answer::json(StatusCode::OK, &overview),
        }
    }

    fn health(&self, _: &Call<'_>) -> Answer {
        let capabilities = ["update_metrics", "dashboard_metrics"];
        Answer::json(StatusCode::OK, &Health::of("Dashboard", &capabilities))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }
}

impl State {
    /// Looking up and applying under one lock: two requests with one key cannot both pass.
    fn apply(&mut self, update: &Update, key: Option<&str>) -> Answer {
        if let Some(answer) = key.and_then(|key| self.answers.get(key)) {
            return Answer { effect: Effect::Replayed, ..answer.clone() };
        }
        let updates = self.board.apply(&update.kind);
        let updated = match update.kind {
            UpdateKind::Analysis(_) => "provider_analysis",
            UpdateKind::Training(_) => "training_update",
        };
        let answer = Answer::json(StatusCode::OK, &Updated { success: true, updated, updates }).applied();
        if let Some(key) = key {
            self.answers.insert(key.to_owned(), answer.clone());
        }
        answer
    }
}
