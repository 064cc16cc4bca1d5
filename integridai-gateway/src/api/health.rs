//! `GET /api/v1/health`, `/livez`, `/readyz`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::respond::{Problem, ProblemSchema};
use crate::services::{RedisHealth, ServiceStatus, Snapshot, SystemHealth, Unavailable};
use crate::store::{Store, StoreHealth, Table};
use crate::timestamp;

/// How the gateway and what it needs are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `healthy` if every check of what is used is, else `degraded`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// When.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    timestamp: String,
    /// One by one.
    checks: Checks,
    /// Why a check is not `healthy`. Absent while all of what is used is.
    #[serde(skip_serializing_if = "Reasons::is_empty")]
    #[schema(nullable = false)]
    reasons: Reasons,
    /// Log rows that wait on the disk or were lost. Absent while there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    log_rows: Option<LogRows>,
    /// The gateway's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthChecks)]
struct Checks {
    /// The gateway itself.
    #[schema(example = "healthy")]
    api_gateway: &'static str,
    /// The store: `healthy`, or `unhealthy` while it cannot be written or read.
    #[schema(example = "healthy")]
    database: &'static str,
    /// Where replicas count rate limits together: `healthy`, or `unhealthy` while it does not answer; `not_configured`
    /// without one.
    #[schema(example = "healthy")]
    redis: &'static str,
    /// The services: `healthy` if all are online, `unhealthy` if none can be reached, else `degraded`.
    #[schema(example = "healthy")]
    external_services: &'static str,
    /// What callers prove themselves with: `healthy`; `degraded` while keys of an issuer cannot be fetched; `unhealthy`
    /// while there are none and nobody can be let in; `not_configured` with `auth.disabled`.
    #[schema(example = "healthy")]
    auth: &'static str,
}

/// Names no file, no address and nothing secret.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = HealthReasons)]
struct Reasons {
    /// Why the store is not healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "the database or its disk is full")]
    database: Option<String>,
    /// Why Redis is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "it does not answer")]
    redis: Option<&'static str>,
    /// Why the services are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "regtech cannot be connected to; dashboard answers slowly")]
    external_services: Option<String>,
    /// Why some tokens cannot be checked, or soon may not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "the keys of 1 of 2 issuers are not there")]
    auth: Option<String>,
}

/// What became of log rows that the store could not take at once.
#[derive(Debug, Serialize, ToSchema)]
struct LogRows {
    /// How many wait in memory.
    #[schema(example = 120)]
    in_memory: usize,
    /// How many wait in the spool, on the disk.
    #[schema(example = 4000)]
    on_disk: usize,
    /// How many were lost since the start, by table.
    #[schema(value_type = std::collections::HashMap<String, u64>, example = json!({"api_calls_log": 3}))]
    lost: BTreeMap<&'static str, u64>,
    /// Places in the spool that a crash or a broken disk made unreadable; a row or more was lost at each.
    #[schema(example = 0)]
    damaged_places: u64,
}

impl LogRows {
    fn of(store: &Store, health: &StoreHealth) -> Option<Self> {
        let lost = Table::ALL.map(|table| (table.name(), store.dropped_rows(table)));
        let lost: BTreeMap<_, _> = lost.into_iter().filter(|(_, rows)| *rows > 0).collect();
        let (on_disk, damaged_places) = (health.spooled_rows, health.spool_damages);
        let is_news = on_disk > 0 || damaged_places > 0 || !lost.is_empty();
        is_news.then_some(Self { in_memory: health.buffered_rows, on_disk, lost, damaged_places })
    }
}

impl Reasons {
    fn is_empty(&self) -> bool {
        let has_none = self.database.is_none() && self.redis.is_none();
        has_none && self.external_services.is_none() && self.auth.is_none()
    }
}

/// A check of something that is not used; it makes nothing degraded.
const NOT_CONFIGURED: &str = "not_configured";

/// Comprehensive health.
///
/// Always 200 while the gateway answers; `status` tells. Cheap: no service is waited for, their status is that of the
/// last consolidated metrics.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "health",
    responses((status = 200, description = "How things are", body = Health))
)]
pub(super) async fn health(axum::extract::State(api): State) -> Response {
    let snapshot = match api.consolidated.latest() {
        Some(snapshot) => Ok(snapshot),
        None => api.consolidated.current().await,
    };
    let keys = api.issuer_keys.health();
    let left_alone = api.protection.left_alone();
    let store = api.store.health();
    let reasons = Reasons {
        database: unwritten(&store),
        redis: (!api.redis.is_healthy()).then_some("it does not answer"),
        external_services: unwell(&snapshot, &left_alone),
        auth: keys.reason().filter(|_| !api.is_open),
    };
    let services = snapshot.map(|snapshot| snapshot.metrics.system_health);
    let checks = Checks {
        api_gateway: "healthy",
        database: if reasons.database.is_none() { "healthy" } else { "unhealthy" },
        redis: redis(&api.redis),
        external_services: services.map_or("unhealthy", |health| external(health, left_alone.is_empty())),
        auth: if api.is_open { NOT_CONFIGURED } else { keys.as_str() },
    };
    let all = [checks.api_gateway, checks.database, checks.redis, checks.external_services, checks.auth];
    let health = Health {
        status: if all.iter().all(|check| matches!(*check, "healthy" | NOT_CONFIGURED)) {
            "healthy"
        } else {
            "degraded"
        },
        timestamp: timestamp::now(),
        checks,
        reasons,
        log_rows: LogRows::of(&api.store, &store),
        version: env!("CARGO_PKG_VERSION"),
    };
    ([(CACHE_CONTROL, "no-store")], axum::Json(health)).into_response()
}

fn redis(redis: &RedisHealth) -> &'static str {
    match (redis.is_configured(), redis.is_healthy()) {
        (false, _) => NOT_CONFIGURED,
        (true, true) => "healthy",
        (true, false) => "unhealthy",
    }
}

fn unwritten(store: &StoreHealth) -> Option<String> {
    let reason = || store.last_error.clone().unwrap_or_else(|| "the database cannot be used".to_owned());
    (!store.healthy).then(reason)
}

/// What the last round found, and which circuits have opened since.
fn unwell(snapshot: &Result<Arc<Snapshot>, Unavailable>, left_alone: &[&str]) -> Option<String> {
    let found = match snapshot {
        Ok(snapshot) => snapshot.reason.clone(),
        Err(unavailable) => Some(unavailable.to_string()),
    };
    let is_new = |service: &&&str| found.as_ref().is_none_or(|found| !found.contains(**service));
    let alone =
        left_alone.iter().filter(is_new).map(|service| format!("{service} is left alone for a while"));
    let reasons: Vec<String> = alone.chain(found.clone()).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn external(health: SystemHealth, are_all_called: bool) -> &'static str {
    let statuses = health.by_service().map(|(_, status)| status);
    if are_all_called && statuses.iter().all(|status| *status == ServiceStatus::Online) {
        "healthy"
    } else if statuses.iter().all(|status| *status == ServiceStatus::Offline) {
        "unhealthy"
    } else {
        "degraded"
    }
}

/// Whether the process lives: for an orchestrator that would restart it.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "health",
    responses((status = 200, description = "It lives", body = String, content_type = "text/plain", example = "ok"))
)]
pub(super) async fn livez() -> &'static str {
    "ok"
}

/// Whether to send requests here: for a load balancer.
///
/// A failing disk or service does not make the gateway unready. Where the keys of issuers are all that callers can prove
/// themselves with, it is ready once the first of them were fetched, and stays ready when they cannot be fetched later.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "It takes requests", body = String, content_type = "text/plain", example = "ok"),
        (status = 503, description = "It goes down, or has no keys yet to check tokens with", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn readyz(axum::extract::State(api): State) -> Result<&'static str, Problem> {
    if api.draining.is_cancelled() {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the gateway goes down"));
    }
    if !api.issuer_keys.is_ready() {
        let detail = "no keys are there yet to check tokens with";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    Ok("ok")
}
