//! The routes that are passed on, each with what is asked of its callers, what is kept of its answers and the way to its service.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, Request};
use integridai_tower::auth::ForwardIdentityLayer;
use integridai_tower::{BoxError, ConfigError};
use tower::util::{BoxCloneSyncService, MapRequestLayer};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::access::Access;
use super::boxed::UpstreamError;
use super::cache::Cache;
use super::edge::Guards;
use super::explain::{Explain, finds};
use super::outgoing::Outgoing;
use super::policy::by_address;
use super::upstream::{Clients, Way};
use crate::config::Config;
use crate::proxy::{
    AllowedFields, Base, Candidate, Choose, Identity, Pass, Passage, Route, Table, Tunnels, Upgrades,
};

/// What stands around all of them.
#[derive(Debug)]
pub struct Around<'a> {
    /// Who may call, and how often.
    pub guards: &'a Guards<'a>,
    /// Where answers are kept, if any are.
    pub cache: Option<&'a Cache>,
    /// The ways to the services.
    pub clients: &'a Clients,
    /// Connections that leave HTTP.
    pub tunnels: Tunnels,
}

type Served = BoxCloneSyncService<Request<Body>, Response, Infallible>;

/// The routes of the table, and what [explains](Explain) requests by them.
///
/// # Errors
///
/// [`ConfigError`] when a route's service cannot be called.
pub fn proxied(
    table: &Table,
    config: &Config,
    around: &Around<'_>,
) -> Result<(Router, Explain), ConfigError> {
    let (mut router, mut map) = (Router::new(), Router::new());
    for (template, routes) in table.iter() {
        let candidates = routes.iter().map(|route| candidate(route, config, around));
        let choose = Choose::among(candidates.collect::<Result<Vec<_>, _>>()?);
        if let Some(prefix) = template.strip_suffix("{*path}") {
            router = router.route_service(prefix, choose.clone());
            map = map.route_service(prefix, finds(choose.clone()));
        }
        map = map.route_service(template, finds(choose.clone()));
        router = router.route_service(template, choose);
    }
    let explain = Explain::new(&config.server, around.guards, around.cache, around.clients, map);
    Ok((router, explain))
}

fn candidate(route: &Route, config: &Config, around: &Around<'_>) -> Result<Candidate, ConfigError> {
    let unknown = || ConfigError::new("proxy.routes", format!("{} is no service", route.service));
    let way = around.clients.way_to(route.guard()).ok_or_else(unknown)?;
    let passage = Arc::new(passage(route, way, config, &around.tunnels)?);
    let sending = {
        let passage = Arc::clone(&passage);
        ServiceBuilder::new()
            .layer(MapRequestLayer::new(move |request: Request<Outgoing>| passage.send(request)))
            .layer(identity(config))
            .service(way.transport.clone())
    };
    let service = match around.cache.filter(|_| route.is_shared) {
        Some(cache) => guarded(
            Pass::new(cache.before(route, sending), Arc::clone(&passage)),
            route,
            around.guards.access,
        ),
        None => guarded(Pass::new(sending, Arc::clone(&passage)), route, around.guards.access),
    };
    let limits = route.name.as_deref().map_or(&[][..], |name| around.guards.limits.of_route(name));
    let service = limits.iter().fold(service, |service, limit| {
        BoxCloneSyncService::new(limit.layer(service).map_response(|response| response.map(Body::new)))
    });
    Ok(Candidate { route: route.clone(), passage, service })
}

fn guarded<S, B>(pass: Pass<S>, route: &Route, access: &Access) -> Served
where
    S: Service<Request<Outgoing>, Response = http::Response<B>, Error = UpstreamError>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let (authorize, kept_nowhere) = access.layers(route.scope);
    let service = ServiceBuilder::new().layer(authorize).layer(kept_nowhere).service(pass);
    BoxCloneSyncService::new(service.map_response(|response| response.map(Body::new)))
}

fn passage(route: &Route, way: &Way, config: &Config, tunnels: &Tunnels) -> Result<Passage, ConfigError> {
    let base_url = way.base_url.as_str();
    let base = Base::of(base_url).ok_or_else(|| ConfigError::new("base_url", "is no URL with a host"))?;
    let proxies = by_address(&config.rate_limits)?;
    let upgrades = route.upgrade.as_ref().map(|upgrade| {
        Upgrades::new(upgrade, &route.template, config.auth.disabled, &config.cors, tunnels.clone())
    });
    Ok(Passage {
        timeout: route.timeout.unwrap_or(way.timeout),
        route: route.clone(),
        base,
        authorization: way.authorization.clone(),
        pseudonym: config.proxy.pseudonym.as_str().into(),
        identity: Identity::of(config.proxy.identity.keys().cloned()),
        allowed: AllowedFields::of(config.proxy.allowed_fields.iter().cloned()),
        forwarding: config.rate_limits.forwarding,
        upgrades,
        is_trusted: Arc::new(move |address: IpAddr| proxies.trusts(address)),
    })
}

fn identity(config: &Config) -> ForwardIdentityLayer {
    config.proxy.identity.iter().fold(ForwardIdentityLayer::new(), |layer, (name, fact)| {
        match HeaderName::try_from(name) {
            Ok(name) => layer.header(name, fact.get()),
            Err(_) => layer,
        }
    })
}
