//! `GET /admin/v1/configuration` and `POST /admin/v1/reload`

use axum::{Extension, Json};
use http::StatusCode;
use integridai_tower::Principal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::State;
use crate::respond::{Problem, ProblemSchema};
use crate::services::{NotReloaded, Reloaded};

/// What is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Configuration {
    /// Its name: what `check-config` shows of the same configuration.
    revision: String,
    /// Since when (RFC 3339).
    since: String,
    /// How often another one came into force since the start.
    reloads: u64,
    /// All of it, with secrets hidden.
    #[schema(value_type = Object)]
    configuration: Value,
}

/// Tells what is in force.
#[utoipa::path(
    get,
    path = "/admin/v1/configuration",
    tag = "gateway",
    responses((status = 200, description = "The configuration", body = Configuration))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn in_force(axum::extract::State(admin): State) -> Json<Configuration> {
    let in_force = admin.reloads.in_force();
    Json(Configuration {
        revision: in_force.revision.clone(),
        since: in_force.since.clone(),
        reloads: in_force.reloads,
        configuration: serde_json::to_value(&in_force.config).unwrap_or_default(),
    })
}

/// Loads the configuration again, as SIGHUP does.
#[utoipa::path(
    post,
    path = "/admin/v1/reload",
    tag = "gateway",
    responses(
        (status = 200, description = "Another configuration is in force, or the same anew", body = Reloaded),
        (status = 409, description = "It was loaded from nowhere where it could be loaded again", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 422, description = "It cannot be used, or changes what needs a restart; all stays as it is", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The gateway goes down", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reload(
    axum::extract::State(admin): State,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Reloaded>, Problem> {
    tracing::info!(by = principal.subject(), "the configuration is to be loaded again");
    admin.reloads.reload().await.map(Json).map_err(|error| refusal(&error))
}

fn refusal(error: &NotReloaded) -> Problem {
    let status = match error {
        NotReloaded::NoSource => StatusCode::CONFLICT,
        NotReloaded::Draining => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Problem::new(status, error.to_string())
}
