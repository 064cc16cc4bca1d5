//! `DELETE /api/v1/gateway/executions/{id}` and `POST …/{id}/replay`

use axum::Extension;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use integridai_tower::Principal;

use super::super::State;
use super::super::execute::{Accepted, accepted, location};
use super::find;
use crate::respond::{Problem, ProblemSchema};
use crate::store::{Cancellation, ExecutionState, StoreError};

/// Cancels an execution.
///
/// One that waits is cancelled at once. Of one that runs the call to the service under way is ended, and nothing more is
/// done; what a service did before stays done. One's own; with the scope `admin` everybody's.
#[utoipa::path(
    delete,
    path = "/api/v1/gateway/executions/{id}",
    tag = "workflows",
    params(("id" = String, Path, description = "The execution's `workflow_id`")),
    responses(
        (status = 202, description = "It runs, and will be cancelled; `Location` tells when it is",
            headers(
                ("Location" = String, description = "Where to ask for the execution"),
                ("Retry-After" = u64, description = "In how many seconds to ask"))),
        (status = 204, description = "It is cancelled"),
        (status = 404, description = "No such execution", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 409, description = "It has ended otherwise", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be read or written", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn cancel(
    axum::extract::State(api): State,
    Extension(principal): Extension<Principal>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let execution = find(&api, &principal, id).await?;
    match api.queue.cancel(execution.id).await.map_err(|error| unwritten(&error))? {
        Cancellation::Cancelled | Cancellation::Ended(ExecutionState::Cancelled) => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Cancellation::Requested => {
            let head = [(LOCATION, location(execution.id)), (RETRY_AFTER, "1".to_owned())];
            Ok((StatusCode::ACCEPTED, head).into_response())
        }
        Cancellation::Ended(state) => {
            let detail = format!("the execution has ended: {}", state.as_str());
            Err(Problem::new(StatusCode::CONFLICT, detail))
        }
        Cancellation::Unknown => Err(super::unknown()),
    }
}

/// Tries an execution again that was given up.
///
/// It goes on behind its last step that was done, with all of its time. One's own; with the scope `admin` everybody's.
#[utoipa::path(
    post,
    path = "/api/v1/gateway/executions/{id}/replay",
    tag = "workflows",
    params(("id" = String, Path, description = "The execution's `workflow_id`")),
    responses(
        (status = 202, description = "It waits again", body = Accepted,
            headers(
                ("Location" = String, description = "Where to ask for the execution"),
                ("Retry-After" = u64, description = "In how many seconds to ask"))),
        (status = 404, description = "No such execution", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 409, description = "It is not `dead`", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be read or written", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn replay(
    axum::extract::State(api): State,
    Extension(principal): Extension<Principal>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let execution = find(&api, &principal, id).await?;
    match api.queue.replay(&execution).await.map_err(|error| unwritten(&error))? {
        true => Ok(accepted(execution.id)),
        false => Err(Problem::new(StatusCode::CONFLICT, "only an execution that is dead can be replayed")),
    }
}

fn unwritten(error: &StoreError) -> Problem {
    tracing::warn!(error = error as &dyn std::error::Error, "an execution cannot be changed");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "executions cannot be changed at the moment")
}
