//! `GET /admin/v1/limits`, and how somebody stands with one of them

use std::net::{IpAddr, SocketAddr};

use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use http::StatusCode;
use integridai_tower::{Principal, PrincipalBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::State;
use super::body::{invalid, unreadable, wrong};
use crate::respond::{FieldError, Problem, ProblemSchema};
use crate::services::{Counted, LimitStatus, NotReset, Standing, limit_statuses, reset_limit, standing};

/// All policies.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LimitStatuses {
    limits: Vec<LimitStatus>,
}

/// Whose quota: of an address, or of a principal.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Whose {
    /// The client's, as the gateway sees it.
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    address: Option<IpAddr>,
    /// The token's `sub`, or the API key's subject.
    subject: Option<String>,
    /// The token's `iss`; API keys have none.
    issuer: Option<String>,
    tenant: Option<String>,
    /// The public id of an API key.
    api_key_id: Option<String>,
    /// By which the quotas are chosen.
    roles: Vec<String>,
    /// What they may do.
    pub(super) scopes: Vec<String>,
}

/// Tells what is limited.
#[utoipa::path(
    get,
    path = "/admin/v1/limits",
    tag = "limits",
    responses((status = 200, description = "The policies in force", body = LimitStatuses))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn statuses(axum::extract::State(admin): State) -> Json<LimitStatuses> {
    Json(LimitStatuses { limits: limit_statuses(&admin.limits) })
}

/// Tells how somebody stands with a limit, without charging them.
#[utoipa::path(
    post,
    path = "/admin/v1/limits/{policy}/inspect",
    tag = "limits",
    params(("policy" = String, Path, description = "The policy's name, or that of the route that it is of")),
    request_body = Whose,
    responses(
        (status = 200, description = "What one more request would be", body = Standing),
        (status = 404, description = "No such policy", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 422, description = "Members that are wrong", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn inspect(
    axum::extract::State(admin): State,
    Path(policy): Path<String>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<Standing>, Problem> {
    let counted = whose(body)?.counted();
    standing(&admin.limits, &policy, counted).await.map(Json).ok_or_else(unknown)
}

/// Gives somebody back what they have used of a limit.
#[utoipa::path(
    post,
    path = "/admin/v1/limits/{policy}/reset",
    tag = "limits",
    params(("policy" = String, Path, description = "The policy's name, or that of the route that it is of")),
    request_body = Whose,
    responses(
        (status = 200, description = "How they stand now", body = Standing),
        (status = 404, description = "No such policy", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 422, description = "Members that are wrong, or none by which the policy counts", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The Redis that counts does not answer", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reset(
    axum::extract::State(admin): State,
    Path(policy): Path<String>,
    Extension(principal): Extension<Principal>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<Standing>, Problem> {
    let counted = whose(body)?.counted();
    let outcome = reset_limit(&admin.limits, &policy, counted.clone()).await.ok_or_else(unknown)?;
    outcome.map_err(|error| not_reset(&error))?;
    tracing::info!(by = principal.subject(), policy, ?counted, "a limit was reset");
    standing(&admin.limits, &policy, counted).await.map(Json).ok_or_else(unknown)
}

fn whose(body: Result<Json<Value>, JsonRejection>) -> Result<Whose, Problem> {
    let Json(body) = body.map_err(|rejection| unreadable(&rejection))?;
    parse(&body).map_err(|error| invalid(vec![error]))
}

/// What is wrong is told without a pointer: serde does not tell where.
pub(super) fn parse(body: &Value) -> Result<Whose, FieldError> {
    if !body.is_object() {
        return Err(wrong("", "expected an object"));
    }
    let whose = Whose::deserialize(body).map_err(|error| wrong("", &error.to_string()))?;
    let has_principal = whose.issuer.is_some()
        || whose.tenant.is_some()
        || whose.api_key_id.is_some()
        || !whose.roles.is_empty();
    if has_principal && whose.subject.is_none() {
        return Err(wrong("/subject", "needed beside what else is said of a principal"));
    }
    Ok(whose)
}

impl Whose {
    pub(super) fn counted(self) -> Counted {
        let address = self.address.map(|address| SocketAddr::new(address, 0));
        Counted { address, principal: self.principal() }
    }

    fn principal(self) -> Option<Principal> {
        let builder = Principal::builder(self.subject?).scopes(self.scopes).roles(self.roles);
        let builder = self.issuer.into_iter().fold(builder, PrincipalBuilder::issuer);
        let builder = self.tenant.into_iter().fold(builder, PrincipalBuilder::tenant);
        let with_key =
            |builder: PrincipalBuilder, id| PrincipalBuilder::claim(builder, "api_key_id", Value::String(id));
        Some(self.api_key_id.into_iter().fold(builder, with_key).build())
    }
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no policy of this name")
}

fn not_reset(error: &NotReset) -> Problem {
    let status = match error {
        NotReset::NoKey => StatusCode::UNPROCESSABLE_ENTITY,
        NotReset::NoRedis => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, error.to_string())
}
