//! `GET /admin/v1/upstreams` and `GET /admin/v1/routes`

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::api;
use crate::proxy::Route;
use crate::services::{UpstreamStatus, upstream_statuses};

/// All services.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Upstreams {
    upstreams: Vec<UpstreamStatus>,
}

/// What is answered to clients.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Routes {
    /// The configuration that they are of.
    revision: String,
    /// By the gateway itself.
    own: Vec<OwnRoute>,
    /// By services; of one template, the first that takes a request is asked.
    passed_on: Vec<PassedOnRoute>,
}

/// A path that the gateway answers itself.
#[derive(Debug, Serialize, ToSchema)]
struct OwnRoute {
    #[schema(example = "/api/v1/gateway/execute")]
    template: String,
    #[schema(example = "POST")]
    method: &'static str,
    /// What callers need; absent where everybody may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "workflows:execute")]
    scope: Option<&'static str>,
}

/// Paths that are passed on.
#[derive(Debug, Serialize, ToSchema)]
struct PassedOnRoute {
    #[schema(example = "/api/v1/regtech/{*path}")]
    template: String,
    /// Its name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[schema(example = "regtech")]
    service: String,
    /// What callers need.
    #[schema(example = "proxy:regtech")]
    scope: &'static str,
    /// None: all.
    methods: Vec<String>,
    /// None: all.
    hosts: Vec<String>,
    /// Whether answers are kept for all who may ask.
    is_kept: bool,
    max_body_bytes: usize,
}

/// Tells where the services are and how each address is.
#[utoipa::path(
    get,
    path = "/admin/v1/upstreams",
    tag = "services",
    responses((status = 200, description = "The services, and routes that are guarded by themselves", body = Upstreams))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn upstreams(axum::extract::State(admin): State) -> Json<Upstreams> {
    Json(Upstreams { upstreams: upstream_statuses(&admin.clients) })
}

/// Tells what is answered to clients, by whom.
#[utoipa::path(
    get,
    path = "/admin/v1/routes",
    tag = "gateway",
    responses((status = 200, description = "The routes in force", body = Routes))
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn routes(axum::extract::State(admin): State) -> Json<Routes> {
    let own = |(template, method, scope): (String, &'static str, Option<api::Scope>)| {
        let scope = scope.map(api::Scope::as_str);
        OwnRoute { template, method, scope }
    };
    Json(Routes {
        revision: admin.reloads.in_force().revision.clone(),
        own: api::operations().into_iter().map(own).collect(),
        passed_on: admin.table.iter().flat_map(|(_, routes)| routes).map(passed_on).collect(),
    })
}

fn passed_on(route: &Route) -> PassedOnRoute {
    PassedOnRoute {
        template: route.template.to_string(),
        name: route.name.clone(),
        service: route.service.clone(),
        scope: route.scope.as_str(),
        methods: route.methods().to_vec(),
        hosts: route.hosts().to_vec(),
        is_kept: route.is_shared,
        max_body_bytes: route.max_body_bytes,
    }
}
