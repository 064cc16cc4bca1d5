//! The HTTP surface: one file per resource. Routes and their document come from the same registration.

mod attended;
pub(crate) mod docs;
mod event_log;
mod execute;
mod executions;
mod health;
mod incoming;
mod metrics;
mod monitoring;
mod proxied;
mod publish;
mod realtime;
mod scope;
mod services;
mod shapes;
mod sse;
mod subscription;
mod ticket;

pub use metrics::{CONSOLIDATED, CONSOLIDATED_TAGS};
pub use scope::{Scope, UnknownScope};

use std::sync::Arc;

use axum::Router;
use integridai_tower::Principal;
use integridai_tower::rate_limit::MemoryLimiter;
use tokio_util::task::TaskTracker;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::{CorsConfig, RealtimeConfig};
use crate::events::{EventLog, Hub};
use crate::identity;
use crate::orchestration::{Engine, Queue, Triggers, Workflows};
use crate::services::{Connections, Consolidated, IssuerKeys, Protection, Publishers, RedisHealth, Tickets};
use crate::store::Store;
use crate::telemetry::PrometheusHandle;

/// What the handlers use.
#[derive(Debug)]
pub struct Api {
    /// Workflows that a client waits for.
    pub engine: Engine,
    /// Workflows that are done later.
    pub queue: Queue,
    /// What events start.
    pub triggers: Triggers,
    /// Who may publish what.
    pub publishers: Publishers,
    /// How long an idempotency key is remembered.
    pub key_lifetime: std::time::Duration,
    /// The workflows and their limits.
    pub workflows: Workflows,
    /// Executions and health.
    pub store: Store,
    /// Consolidated metrics.
    pub consolidated: Consolidated,
    /// Events for subscribers.
    pub hub: Hub,
    /// Events that were.
    pub log: EventLog,
    /// Bounds of subscribers.
    pub realtime: RealtimeConfig,
    /// What browsers subscribe with.
    pub tickets: Tickets,
    /// How many WebSockets each principal has.
    pub connections: Connections,
    /// What may be said over them, by principal.
    pub messages: MemoryLimiter,
    /// What tokens are checked with.
    pub issuer_keys: IssuerKeys,
    /// Where replicas count together.
    pub redis: RedisHealth,
    /// What stands by the services.
    pub protection: Protection,
    /// Whether anybody may do anything (`auth.disabled`).
    pub is_open: bool,
    /// Whose pages may subscribe, beside the gateway's own.
    pub cors: CorsConfig,
    /// The WebSockets, so that a shutdown can wait for their goodbyes.
    pub sockets: TaskTracker,
    /// Prometheus' figures.
    pub prometheus: PrometheusHandle,
    /// Set once the gateway goes down.
    pub draining: tokio_util::sync::CancellationToken,
}

impl Api {
    /// What is written down of who asks: the subject. Where nobody is asked to tell, nobody is known.
    fn user_id(&self, principal: &Principal) -> Option<String> {
        (!self.is_open).then(|| principal.subject().to_owned())
    }

    /// Whose turn a request takes in the queue, and whose executions, idempotency keys and tickets it has to do with. Where nobody is
    /// told apart, all are one.
    fn identity(&self, principal: &Principal) -> String {
        if self.is_open { String::new() } else { identity::of(principal) }
    }

    /// Whether the principal may see what is others': where nobody is told apart, everybody.
    fn sees_all(&self, principal: &Principal) -> bool {
        self.is_open || principal.has_scope(Scope::Admin.as_str())
    }
}

type State = axum::extract::State<Arc<Api>>;

/// The routes. `keep` puts the cache before consolidated metrics, `guard` before all but a few what asks for a scope; everything
/// else is the edge's.
pub fn routes(
    api: Arc<Api>,
    keep: impl Fn(Router<Arc<Api>>) -> Router<Arc<Api>>,
    guard: impl Fn(Router<Arc<Api>>, Scope) -> Router<Arc<Api>>,
) -> Router {
    let (open, _) = open().split_for_parts();
    let (kept, _) = kept().split_for_parts();
    let open = open.merge(guard(keep(kept), Scope::MetricsRead));
    let router = guarded().into_iter().fold(open, |router, (scope, routes)| {
        let (mut routes, _) = routes.split_for_parts();
        if scope == Scope::EventsRead {
            // Over HTTP/2 a WebSocket begins with CONNECT (RFC 8441 §4), for which OpenAPI has no words.
            routes = routes.route(SUBSCRIBE, axum::routing::connect(realtime::subscribe));
        }
        router.merge(guard(routes, scope))
    });
    docs::with_page(router.with_state(api))
}

/// Where browsers come with a ticket.
pub const SUBSCRIBE: &str = "/api/v1/realtime/subscribe";

/// Where they come with one as well, for server-sent events.
pub const STREAM: &str = "/api/v1/realtime/events";

/// The OpenAPI document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = own();
    proxied::add_to(&mut document);
    docs::with_common_refusals(document)
}

/// What is answered here.
fn own() -> OpenApi {
    let mut document = docs::base();
    document.merge(open().into_openapi());
    document.merge(docs::guarded(kept().into_openapi(), Scope::MetricsRead));
    for (scope, routes) in guarded() {
        document.merge(docs::guarded(routes.into_openapi(), scope));
    }
    document
}

/// The templates of the paths that are answered here and not passed on.
#[must_use]
pub fn templates() -> Vec<String> {
    own().paths.paths.into_keys().collect()
}

/// Each path that is answered here, by its template, with a method that it takes and what callers need.
#[must_use]
pub fn operations() -> Vec<(String, &'static str, Option<Scope>)> {
    let of_all = |routes: OpenApiRouter<Arc<Api>>, scope: Option<Scope>| {
        let paths = routes.into_openapi().paths.paths.into_iter();
        paths.flat_map(move |(template, item)| {
            let methods = [("GET", item.get), ("POST", item.post), ("DELETE", item.delete)];
            let taken = methods.into_iter().filter(|(_, operation)| operation.is_some());
            taken.map(|(method, _)| (template.clone(), method, scope)).collect::<Vec<_>>()
        })
    };
    let open = of_all(open(), None).chain(of_all(kept(), Some(Scope::MetricsRead)));
    let guarded = guarded().into_iter().flat_map(|(scope, routes)| of_all(routes, Some(scope)));
    open.chain(guarded).collect()
}

/// For everybody: what orchestrators ask, and what tells how to call the rest.
fn open() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(docs::openapi))
}

/// For whoever may see figures; the same for all of them.
fn kept() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(metrics::consolidated))
}

fn guarded() -> [(Scope, OpenApiRouter<Arc<Api>>); 4] {
    let workflows = OpenApiRouter::new()
        .routes(routes!(execute::execute))
        .routes(routes!(executions::list))
        .routes(routes!(executions::execution, executions::cancel))
        .routes(routes!(executions::replay));
    let monitoring =
        OpenApiRouter::new().routes(routes!(monitoring::prometheus)).routes(routes!(services::services));
    let events = OpenApiRouter::new()
        .routes(routes!(ticket::ticket))
        .routes(routes!(realtime::subscribe))
        .routes(routes!(sse::events))
        .routes(routes!(event_log::list));
    let publishing = OpenApiRouter::new().routes(routes!(publish::publish));
    [
        (Scope::WorkflowsExecute, workflows),
        (Scope::MetricsRead, monitoring),
        (Scope::EventsRead, events),
        (Scope::EventsWrite, publishing),
    ]
}
