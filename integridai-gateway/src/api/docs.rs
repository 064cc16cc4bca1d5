//! The OpenAPI document and the page that shows it.

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::response::{Response as OpenApiResponse, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr};

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

const COMMON_REFUSALS: [(&str, &str); 2] =
    [("400", "No Host, or more than one"), ("421", "A Host that this gateway does not answer to")];

fn problem(description: &str) -> RefOr<OpenApiResponse> {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
        .into()
}

/// What every path may answer besides its own: the refusals of the edge.
pub(super) fn with_common_refusals(mut document: Document) -> Document {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            for (status, description) in COMMON_REFUSALS {
                operation
                    .responses
                    .responses
                    .entry(status.to_owned())
                    .or_insert_with(|| problem(description));
            }
        }
    }
    document
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
