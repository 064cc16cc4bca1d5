//! What operators call, on a listener of its own (`admin.listen`): what is kept and what to purge of it, circuits,
//! Prometheus' figures.
//!
//! | call | what |
//! | --- | --- |
//! | `GET /admin/v1/cache` | how much is kept |
//! | `POST /admin/v1/cache/purge` | removes kept answers, or makes them stale: `{"path": "/…"}`, `{"prefix": "/…"}`, `{"tag": "…"}` or `{"all": true}`, each with `"soft": true` or without |
//! | `GET /admin/v1/circuits` | what stands by each service: its circuit, and how many calls are under way |
//! | `POST /admin/v1/circuits/{service}` | `{"command": "open"}` lets no call through, `"close"` lets all through, `"reset"` has the circuit decide again |
//! | `GET /admin/v1/configuration` | what is in force, secrets hidden, its revision, and since when |
//! | `POST /admin/v1/reload` | loads the configuration again, as SIGHUP does: `200` tells what changed and what is forgotten, `422` why all stays as it is |
//! | `GET /metrics` | the gateway's own figures |
//!
//! Everything needs the scope `admin`. Errors are problem documents, as on the main listener.

mod circuits;
mod configuration;
mod kept;
mod monitoring;
mod purge;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;

use crate::respond::Problem;
use crate::services::{Consolidated, KeptAnswers, Protection, Reloads};
use crate::telemetry::PrometheusHandle;

/// What the handlers use.
#[derive(Debug)]
pub struct Admin {
    /// What is kept; `None` with `cache.disabled`.
    pub answers: Option<KeptAnswers>,
    /// What lies behind a kept answer.
    pub consolidated: Consolidated,
    /// What stands by the services.
    pub protection: Protection,
    /// Prometheus' figures.
    pub prometheus: PrometheusHandle,
    /// The configuration.
    pub reloads: Reloads,
}

type State = axum::extract::State<Arc<Admin>>;

/// The routes. `guard` puts before all of them what asks for the scope; everything else is the edge's.
pub fn routes(admin: Arc<Admin>, guard: impl Fn(Router<Arc<Admin>>) -> Router<Arc<Admin>>) -> Router {
    let routes = Router::new()
        .route("/admin/v1/cache", get(kept::status))
        .route("/admin/v1/cache/purge", post(purge::purge))
        .route("/admin/v1/circuits", get(circuits::statuses))
        .route("/admin/v1/circuits/{service}", post(circuits::command))
        .route("/admin/v1/configuration", get(configuration::in_force))
        .route("/admin/v1/reload", post(configuration::reload))
        .route("/metrics", get(monitoring::prometheus));
    guard(routes).fallback(nothing).with_state(admin)
}

#[allow(clippy::unused_async, reason = "a handler")]
async fn nothing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path of the listener for operators")
}
