//! The OpenAPI document and the page that shows it.

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "IntegridAI Gateway",
        description = "The single entry point of the IntegridAI ecosystem: workflows over its three services, consolidated metrics, real-time events. Errors are problem documents (RFC 9457); every answer carries `X-Correlation-ID`.",
    ),
    tags(
        (name = "workflows", description = "Orchestration of RegTech Engine, FLAISimulator and Dashboard"),
        (name = "metrics", description = "Consolidated figures"),
        (name = "realtime", description = "Events as they happen"),
        (name = "health", description = "For operators and orchestrators"),
        (name = "docs", description = "This document"),
    )
)]
struct Base;

pub(super) fn base() -> Document {
    Base::openapi()
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "docs",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn openapi() -> axum::Json<Document> {
    axum::Json(super::document())
}

#[cfg(feature = "swagger-ui")]
pub(super) fn with_page(router: Router) -> Router {
    use utoipa_swagger_ui::{Config, SwaggerUi};

    let page = SwaggerUi::new("/docs").config(Config::from("/api/openapi.json"));
    router.merge(page)
}

#[cfg(not(feature = "swagger-ui"))]
pub(super) fn with_page(router: Router) -> Router {
    router
}
