//! The OpenAPI document and the page that shows it.

use axum::Router;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::{Response as OpenApiResponse, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, SecurityRequirement};
use utoipa::{Modify, OpenApi};

use super::Scope;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "IntegridAI Gateway",
        description = "The single entry point of the IntegridAI ecosystem: workflows over its three services, consolidated metrics, real-time events. Errors are problem documents (RFC 9457); every answer carries `X-Correlation-ID`. By default an address may `execute` 10 times a minute; how often what may be asked is configured. Answers of limited routes carry `RateLimit` and `RateLimit-Policy`.",
    ),
    modifiers(&Schemes),
    tags(
        (name = "workflows", description = "Orchestration of RegTech Engine, FLAISimulator and Dashboard"),
        (name = "metrics", description = "Consolidated figures"),
        (name = "realtime", description = "Events as they happen"),
        (name = "events", description = "The log of events"),
        (name = "services", description = "The services themselves, passed on as they are"),
        (name = "health", description = "For operators and orchestrators"),
        (name = "docs", description = "This document"),
    )
)]
struct Base;

/// A token or an API key.
const TOKEN: &str = "token";
const API_KEY: &str = "api_key";

pub(crate) struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme(TOKEN, SecurityScheme::Http(token));
        let api_key = ApiKeyValue::new("X-API-Key");
        components.add_security_scheme(API_KEY, SecurityScheme::ApiKey(ApiKey::Header(api_key)));
    }
}

pub(super) fn base() -> Document {
    Base::openapi()
}

const GUARD_REFUSALS: [(&str, &str); 2] = [
    ("401", "No credentials, or such as are not valid; `WWW-Authenticate` tells what is expected"),
    ("403", "The credentials lack the scope; `WWW-Authenticate` names it"),
];

/// These paths ask for a scope. OpenAPI 3.1 lets it be named for every kind of credentials.
pub(crate) fn guarded(mut document: Document, scope: Scope) -> Document {
    for operation in operations(&mut document) {
        let needed = [TOKEN, API_KEY].map(|scheme| SecurityRequirement::new(scheme, [scope.as_str()]));
        operation.security = Some(needed.into());
        add_refusals(operation, &GUARD_REFUSALS);
    }
    document
}

fn operations(document: &mut Document) -> impl Iterator<Item = &mut Operation> {
    document
        .paths
        .paths
        .values_mut()
        .flat_map(|item| [&mut item.get, &mut item.post, &mut item.put, &mut item.delete])
        .flatten()
}

pub(super) fn add_refusals(operation: &mut Operation, refusals: &[(&str, &str)]) {
    for (status, description) in refusals {
        let responses = &mut operation.responses.responses;
        responses.entry((*status).to_owned()).or_insert_with(|| problem(description));
    }
}

const COMMON_REFUSALS: [(&str, &str); 5] = [
    ("400", "No Host, or more than one"),
    ("421", "A Host that this gateway does not answer to"),
    ("401", "Credentials that are not valid, which are refused also where none are needed"),
    ("429", "More requests than a rate limit allows; `Retry-After` tells when to come back"),
    ("503", "Credentials or rate limits cannot be checked at the moment"),
];

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
pub(crate) fn with_common_refusals(mut document: Document) -> Document {
    for operation in operations(&mut document) {
        add_refusals(operation, &COMMON_REFUSALS);
        if let Some(RefOr::T(refusal)) = operation.responses.responses.get_mut("429") {
            refusal.headers.extend(limit_fields());
        }
    }
    document
}

/// What tells a client of its limits.
fn limit_fields() -> impl Iterator<Item = (String, RefOr<Header>)> {
    let fields = [
        ("Retry-After", Type::Integer, "In how many seconds it is worth another try"),
        (
            "RateLimit",
            Type::String,
            "What is left (`r`) of the quota nearest to its end, and in how many seconds all of it is back (`t`)",
        ),
        ("RateLimit-Policy", Type::String, "The quotas (`q`) and their periods in seconds (`w`)"),
    ];
    fields.into_iter().map(|(name, kind, description)| {
        let schema = ObjectBuilder::new().schema_type(kind).build();
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
        (name.to_owned(), header.into())
    })
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
