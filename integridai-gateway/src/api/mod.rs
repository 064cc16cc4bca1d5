//! The HTTP surface: one file per resource. Routes and their document come from the same registration.

mod attended;
mod docs;
mod execute;
mod executions;
mod health;
mod metrics;
mod monitoring;
mod realtime;
mod shapes;
mod ticket;

use std::sync::Arc;

use axum::Router;
use tokio_util::task::TaskTracker;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::{CorsConfig, RealtimeConfig, WorkflowsConfig};
use crate::events::Hub;
use crate::orchestration::{Engine, Queue};
use crate::services::{Consolidated, Tickets};
use crate::store::Store;
use crate::telemetry::PrometheusHandle;

/// What the handlers use.
#[derive(Debug)]
pub struct Api {
    /// Workflows that a client waits for.
    pub engine: Engine,
    /// Workflows that are done later.
    pub queue: Queue,
    /// Limits of workflows.
    pub workflows: WorkflowsConfig,
    /// Executions and health.
    pub store: Store,
    /// Consolidated metrics.
    pub consolidated: Consolidated,
    /// Events for subscribers.
    pub hub: Hub,
    /// Bounds of subscribers.
    pub realtime: RealtimeConfig,
    /// What browsers subscribe with.
    pub tickets: Tickets,
    /// Whose pages may subscribe, beside the gateway's own.
    pub cors: CorsConfig,
    /// The WebSockets, so that a shutdown can wait for their goodbyes.
    pub sockets: TaskTracker,
    /// Prometheus' figures.
    pub prometheus: PrometheusHandle,
    /// Set once the gateway goes down.
    pub draining: tokio_util::sync::CancellationToken,
}

type State = axum::extract::State<Arc<Api>>;

/// The routes, without layers.
pub fn routes(api: Arc<Api>) -> Router {
    let (router, _) = documented().split_for_parts();
    // Over HTTP/2 a WebSocket begins with CONNECT (RFC 8441 §4), for which OpenAPI has no words.
    let router = router.route("/api/v1/realtime/subscribe", axum::routing::connect(realtime::subscribe));
    docs::with_page(router.with_state(api))
}

/// The OpenAPI document.
#[must_use]
pub fn document() -> OpenApi {
    docs::with_common_refusals(documented().into_openapi())
}

fn documented() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(docs::base())
        .routes(routes!(execute::execute))
        .routes(routes!(executions::execution))
        .routes(routes!(metrics::consolidated))
        .routes(routes!(ticket::ticket))
        .routes(routes!(realtime::subscribe))
        .routes(routes!(health::health))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(monitoring::prometheus))
        .routes(routes!(docs::openapi))
}
