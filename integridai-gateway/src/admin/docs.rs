//! What the listener for operators answers, as OpenAPI.

use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use crate::api::Scope;
use crate::api::docs::{Schemes, guarded, with_common_refusals};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "IntegridAI Gateway, for operators",
        description = "What operators see of the gateway and command, on a listener of its own (`admin.listen`). Everything needs the scope `admin`. Errors are problem documents (RFC 9457).",
    ),
    modifiers(&Schemes),
    tags(
        (name = "gateway", description = "The configuration in force, routes, logs, figures"),
        (name = "services", description = "Where they are, and their circuits"),
        (name = "limits", description = "Who has used what of the rate limits"),
        (name = "cache", description = "Answers that are kept"),
        (name = "docs", description = "This document"),
    )
)]
struct Base;

/// The OpenAPI document of the listener for operators.
#[must_use]
pub fn document() -> Document {
    let mut document = Base::openapi();
    document.merge(guarded(super::documented().into_openapi(), Scope::Admin));
    with_common_refusals(document)
}

/// This document.
#[utoipa::path(
    get,
    path = "/admin/v1/openapi.json",
    tag = "docs",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn openapi() -> axum::Json<Document> {
    axum::Json(document())
}
