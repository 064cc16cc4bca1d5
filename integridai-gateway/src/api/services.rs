//! `GET /api/v1/services`

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::services::ServiceStanding;
use crate::timestamp;

/// How the services stand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServiceList {
    /// The services, and whatever else routes pass requests on to.
    services: Vec<ServiceStanding>,
    /// When.
    #[schema(example = "2026-11-24T10:00:00.000Z")]
    timestamp: String,
}

/// How the services stand.
///
/// Each with its circuit, the calls that are under way, and how it was when figures were last gathered. Cheap: no service is
/// asked.
#[utoipa::path(
    get,
    path = "/api/v1/services",
    tag = "health",
    responses((status = 200, description = "The services", body = ServiceList))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn services(axum::extract::State(api): State) -> Json<ServiceList> {
    let health = api.consolidated.latest().map(|snapshot| snapshot.metrics.system_health);
    Json(ServiceList { services: api.protection.standings(health), timestamp: timestamp::now() })
}
