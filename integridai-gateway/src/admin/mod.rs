//! What operators call, on a listener of its own (`admin.listen`): what is kept and what to purge of it, circuits,
//! Prometheus' figures.
//!
//! | call | what |
//! | --- | --- |
//! | `GET /admin/v1/cache` | how much is kept |
//! | `POST /admin/v1/cache/purge` | removes kept answers, or makes them stale: `{"path": "/…"}`, `{"prefix": "/…"}`, `{"tag": "…"}` or `{"all": true}`, each with `"soft": true` or without |
//! | `GET /admin/v1/circuits` | what stands by each service: its circuit, and how many calls are under way |
//! | `POST /admin/v1/circuits/{service}` | `{"command": "open"}` lets no call through, `"close"` lets all through, `"reset"` has the circuit decide again |
//! | `GET /admin/v1/upstreams` | where the services are, and how each address is |
//! | `GET /admin/v1/routes` | what is answered to clients, by whom, and the scopes that it needs |
//! | `POST /admin/v1/explain` | what would become of a request, `{"method": "GET", "path": "/…", "principal": {"subject": "…", "scopes": ["…"]}}`: route, principal, and what each layer says |
//! | `GET /admin/v1/limits` | the rate limits |
//! | `POST /admin/v1/limits/{policy}/inspect`, `…/reset` | how an address or a principal stands with one, `{"address": "203.0.113.7"}` or `{"subject": "…", "issuer": "…"}`; gives back what they have used |
//! | `GET` and `PUT /admin/v1/logs` | which events are logged: `{"filter": "info,integridai_gateway::proxy=debug"}` |
//! | `GET /admin/v1/openapi.json` | all of this as OpenAPI |
//! | `GET /admin/v1/configuration` | what is in force, secrets hidden, its revision, and since when |
//! | `POST /admin/v1/reload` | loads the configuration again, as SIGHUP does: `200` tells what changed and what is forgotten, `422` why all stays as it is |
//! | `GET /metrics` | the gateway's own figures |
//!
//! Everything needs the scope `admin`. Errors are problem documents, as on the main listener. Executions that were given up are
//! replayed there: `POST /api/v1/gateway/executions/{id}/replay` takes everybody's with the scope `admin`.

mod body;
mod circuits;
mod configuration;
mod docs;
mod explain;
mod kept;
mod limits;
mod logs;
mod monitoring;
mod purge;
mod upstreams;

pub use docs::document;

use std::sync::{Arc, OnceLock};

use axum::Router;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::proxy::Table;
use crate::respond::Problem;
use crate::services::{Consolidated, KeptAnswers, Protection, Reloads};
use crate::stack::{Clients, Explain, Limits};
use crate::telemetry::{LogFilter, PrometheusHandle};

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
    /// What is limited.
    pub limits: Limits,
    /// The services.
    pub clients: Clients,
    /// What is passed on.
    pub table: Table,
    /// What would become of requests.
    pub explain: Explain,
    /// What is logged; empty where the gateway does not say so.
    pub log_filter: Arc<OnceLock<LogFilter>>,
}

type State = axum::extract::State<Arc<Admin>>;

/// The routes. `guard` puts before all of them what asks for the scope; everything else is the edge's.
pub fn routes(admin: Arc<Admin>, guard: impl Fn(Router<Arc<Admin>>) -> Router<Arc<Admin>>) -> Router {
    let (routes, _) = documented().split_for_parts();
    guard(routes).fallback(nothing).with_state(admin)
}

fn documented() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(kept::status))
        .routes(routes!(purge::purge))
        .routes(routes!(circuits::statuses))
        .routes(routes!(circuits::command))
        .routes(routes!(upstreams::upstreams))
        .routes(routes!(upstreams::routes))
        .routes(routes!(explain::explain))
        .routes(routes!(limits::statuses))
        .routes(routes!(limits::inspect))
        .routes(routes!(limits::reset))
        .routes(routes!(logs::filter, logs::set_filter))
        .routes(routes!(configuration::in_force))
        .routes(routes!(configuration::reload))
        .routes(routes!(monitoring::prometheus))
        .routes(routes!(docs::openapi))
}

#[allow(clippy::unused_async, reason = "a handler")]
async fn nothing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path of the listener for operators")
}
