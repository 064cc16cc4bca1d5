//! `GET /admin/v1/circuits` and `POST /admin/v1/circuits/{service}`

use axum::extract::Path;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use http::StatusCode;
use integridai_tower::Principal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::State;
use super::body::{invalid, unreadable, wrong};
use crate::respond::{FieldError, Problem, ProblemSchema};
use crate::services::{Command, ProtectionStatus};

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Circuits {
    circuits: Vec<ProtectionStatus>,
}

/// Tells what stands by each service: its circuit, and how many calls are under way.
#[utoipa::path(
    get,
    path = "/admin/v1/circuits",
    tag = "services",
    responses((status = 200, description = "Of each service, and of each route that is guarded by itself", body = Circuits))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn statuses(axum::extract::State(admin): State) -> Json<Circuits> {
    Json(Circuits { circuits: admin.protection.statuses() })
}

/// Commands a circuit.
///
/// `open` lets no call through, `close` lets all through, until `reset` has the circuit decide again.
#[utoipa::path(
    post,
    path = "/admin/v1/circuits/{service}",
    tag = "services",
    params(("service" = String, Path, description = "The service, or the route that is guarded by itself")),
    request_body(content = Object, example = json!({"command": "open"})),
    responses(
        (status = 200, description = "How it stands now", body = ProtectionStatus),
        (status = 404, description = "No such service", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 422, description = "No such command", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn command(
    axum::extract::State(admin): State,
    Path(service): Path<String>,
    Extension(principal): Extension<Principal>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<ProtectionStatus>, Problem> {
    let Json(body) = body.map_err(|rejection| unreadable(&rejection))?;
    let command = parse(&body).map_err(|error| invalid(vec![error]))?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no service of this name");
    let status = admin.protection.command(&service, command).ok_or_else(unknown)?;
    tracing::info!(by = principal.subject(), service, ?command, "a circuit was commanded");
    Ok(Json(status))
}

fn parse(body: &Value) -> Result<Command, FieldError> {
    let members = body.as_object().ok_or_else(|| wrong("", "expected an object"))?;
    if members.keys().any(|name| name != "command") {
        return Err(wrong("", "expected `command` and nothing else"));
    }
    match members.get("command").and_then(Value::as_str) {
        Some("open") => Ok(Command::Open),
        Some("close") => Ok(Command::Close),
        Some("reset") => Ok(Command::Reset),
        _ => Err(wrong("/command", "expected `open`, `close` or `reset`")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_of_three_commands_is_taken() {
        for (name, command) in [("open", Command::Open), ("close", Command::Close), ("reset", Command::Reset)]
        {
            assert_eq!(parse(&json!({"command": name})), Ok(command));
        }
        for (body, pointer) in [
            (json!([]), ""),
            (json!({}), "/command"),
            (json!({"command": "OPEN"}), "/command"),
            (json!({"command": 1}), "/command"),
            (json!({"command": "open", "for": 5}), ""),
        ] {
            assert_eq!(parse(&body).unwrap_err().pointer, pointer, "{body}");
        }
    }
}
