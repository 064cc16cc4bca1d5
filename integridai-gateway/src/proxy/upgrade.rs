//! Another protocol on the client's connection: whether it may be asked for, and what becomes of the answer.
//!
//! No route lets one through unless it says so. What follows a change of protocol is out of sight of everything that stands
//! around HTTP here (scopes by path, sizes, rates, caches), and stays open for long: that is for whoever knows the service to say,
//! protocol by protocol. `h2c` never is one of them: it would be HTTP again, and out of sight.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, ORIGIN, TE, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode, request};
use hyper::upgrade::OnUpgrade;
use integridai_tower::{CorrelationId, Principal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::forwarded::host_of;
use super::tunnel::{Label, Terms, Tunnel, Tunnels};
use crate::config::{CorsConfig, ProxyUpgradeConfig};
use crate::respond::Problem;
use crate::services::{Connection, Connections, end_of};

/// What one route lets through beside HTTP.
#[derive(Debug, Clone)]
pub struct Upgrades {
    protocols: Vec<String>,
    idle: Duration,
    room: Arc<Semaphore>,
    of_principal: Option<Connections>,
    cors: CorsConfig,
    route: Arc<str>,
    tunnels: Tunnels,
}

/// A request for another protocol that has its place already.
pub(super) struct Ask {
    upgrades: Upgrades,
    offered: Vec<String>,
    client: OnUpgrade,
    label: (String, Option<CorrelationId>),
    ends: Option<tokio::time::Instant>,
    places: (OwnedSemaphorePermit, Option<Connection>),
}

const WEBSOCKET: &str = "websocket";

/// When there may be room again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl Upgrades {
    /// As a route says; where everybody is let in, nobody is told apart.
    #[must_use]
    pub fn new(
        config: &ProxyUpgradeConfig,
        route: &str,
        is_open: bool,
        cors: &CorsConfig,
        tunnels: Tunnels,
    ) -> Self {
        metrics::gauge!("integridai_proxy_tunnels_open", "route" => route.to_owned()).increment(0.0);
        let of_principal = Connections::new(config.max_connections_per_principal.get());
        Self {
            protocols: config.protocols.clone(),
            idle: config.idle_timeout_seconds.get(),
            room: Arc::new(Semaphore::new(config.max_connections.get().min(Semaphore::MAX_PERMITS))),
            of_principal: (!is_open).then_some(of_principal),
            cors: cors.clone(),
            route: route.into(),
            tunnels,
        }
    }

    /// Takes a place for one of the protocols that are offered.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub(super) fn ask(&self, head: &mut request::Parts, offered: &[String]) -> Result<Ask, Problem> {
        let is_passed = |protocol: &&String| self.protocols.contains(protocol);
        let offered: Vec<String> = offered.iter().filter(is_passed).cloned().collect();
        if offered.is_empty() {
            return Err(not_passed());
        }
        let client = head.extensions.remove::<OnUpgrade>().ok_or_else(not_passed)?;
        if offered.iter().any(|protocol| protocol == WEBSOCKET) {
            self.check_page(head)?;
        }
        let principal = head.extensions.get::<Principal>();
        let label = principal.map_or("", Principal::subject).to_owned();
        let id = head.extensions.get::<CorrelationId>().cloned();
        let (places, ends) = (self.places(principal)?, principal.and_then(end_of));
        Ok(Ask { upgrades: self.clone(), offered, client, label: (label, id), ends, places })
    }

    /// Browsers do not apply CORS to WebSockets, and who is not asked for a token may be any page.
    fn check_page(&self, head: &request::Parts) -> Result<(), Problem> {
        let host = host_of(head);
        match head.headers.get(ORIGIN) {
            Some(origin) if !self.cors.admits(origin, host.as_deref()) => {
                Err(Problem::new(StatusCode::FORBIDDEN, "pages of this origin may not open a WebSocket"))
            }
            _ => Ok(()),
        }
    }

    fn places(
        &self,
        principal: Option<&Principal>,
    ) -> Result<(OwnedSemaphorePermit, Option<Connection>), Problem> {
        let of_principal = match (&self.of_principal, principal) {
            (Some(connections), Some(principal)) => {
                Some(connections.open(principal).map_err(|too_many| {
                    Problem::new(StatusCode::TOO_MANY_REQUESTS, too_many.to_string())
                        .retry_after(Some(RETRY_AFTER))
                })?)
            }
            _ => None,
        };
        let full = |_| {
            let detail = "as many connections have left HTTP as the route lets through";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Some(RETRY_AFTER))
        };
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(full)?;
        Ok((place, of_principal))
    }
}

impl Ask {
    /// Says to the service what is asked for.
    pub(super) fn say(&self, headers: &mut HeaderMap) {
        if let Ok(offered) = HeaderValue::try_from(self.offered.join(", ")) {
            headers.remove(TE);
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, offered);
        }
    }

    /// Opens a tunnel to a service that has changed to a protocol that was offered; the protocol.
    pub(super) fn open<B>(self, response: &mut http::Response<B>) -> Option<HeaderValue> {
        let chosen = response.headers().get(UPGRADE)?.clone();
        let name = chosen.to_str().ok()?.to_ascii_lowercase();
        if !self.offered.contains(&name) {
            return None;
        }
        let service = response.extensions_mut().remove::<OnUpgrade>()?;
        let Self { upgrades, client, label: (subject, correlation_id), ends, places, .. } = self;
        let terms = Terms { idle: upgrades.idle, ends, is_websocket: name == WEBSOCKET };
        let label = Label { route: upgrades.route, protocol: name, subject, correlation_id };
        upgrades.tunnels.open(Tunnel { terms, label, client, service, places });
        Some(chosen)
    }
}

/// Where no route says that it may.
pub(super) fn not_passed() -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED, "no such other protocol is passed on here")
}
