//! What the OpenAPI document says of paths that are passed on: `proxy` serves them, not this module.

use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, PathsBuilder, Required, ResponseBuilder};

use super::{Scope, docs};

/// Name, path, what it is called, scope.
const SERVICES: [(&str, &str, &str, Scope); 3] = [
    ("regtech", "/api/v1/regtech/{path}", "RegTech Engine", Scope::ProxyRegtech),
    ("flaisimulator", "/api/v1/flaisimulator/{path}", "FLAISimulator", Scope::ProxyFlaisimulator),
    ("dashboard", "/api/v1/dashboard/{path}", "Dashboard", Scope::ProxyDashboard),
];

const REFUSALS: [(&str, &str); 9] = [
    ("400", "A path, or a field of the connection, that cannot be passed on; or content that cannot be read"),
    ("408", "The content took longer than is accepted"),
    ("413", "More content than is accepted"),
    ("414", "A path that is too long to be passed on"),
    ("501", "`TRACE`, `CONNECT`, or another protocol (`Upgrade`) that the route does not let through"),
    ("502", "The service gave no answer that can be passed on"),
    (
        "503",
        "The service cannot be reached, is left alone for a while (`Retry-After`), or has too much to do",
    ),
    ("504", "The service did not answer in time"),
    ("508", "The request has come by this gateway before (`Via`)"),
];

/// One operation for each service, which stands for all methods.
pub(super) fn add_to(document: &mut OpenApi) {
    for (name, path, called, scope) in SERVICES {
        let mut own = OpenApi::default();
        own.paths = PathsBuilder::new().path(path, item(name, called)).build();
        document.merge(docs::guarded(own, scope));
    }
}

fn item(name: &str, called: &str) -> PathItem {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    let path = ParameterBuilder::new()
        .name("path")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(text.clone()))
        .description(Some("Any path of the service, with any number of segments and any query"))
        .build();
    let any = ResponseBuilder::new()
        .description("Whatever the service answers, with any status")
        .content("*/*", ContentBuilder::new().schema(Some(text)).build());
    let mut operation = OperationBuilder::new()
        .tag("services")
        .summary(Some(format!("Whatever {called} offers.")))
        .description(Some(
            "Passed on as it comes, with any method, streamed both ways, less the prefix. The service gets neither \
             the caller's credentials nor what it says of itself in `Forwarded`, `X-Forwarded-*` and the like. Another \
             protocol (`Upgrade`) is for routes of the configuration that let it through. What the gateway refuses is a \
             status of gRPC, and no problem document, to calls of gRPC (`application/grpc`).",
        ))
        .operation_id(Some(format!("proxy_{name}")))
        .parameter(path)
        .response("200", any)
        .build();
    docs::add_refusals(&mut operation, &REFUSALS);
    PathItem::new(HttpMethod::Get, operation)
}
