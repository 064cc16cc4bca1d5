//! Towards the services: one pool of connections, three typed clients, and for each service what stands by it and a way for
//! what is passed on.

use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use integridai_tower::ConfigError;
use integridai_tower::circuit_breaker::State;
use integridai_tower::client::ServiceClient;
use integridai_tower::client::integridai::{
    DashboardClient, DashboardPaths, FlaiSimulatorClient, FlaiSimulatorPaths, RegTechClient, RegTechPaths,
};
use integridai_tower::client::transport::HyperTransport;

use super::boxed::{StreamingTransport, Transport, transport};
use super::http2::Http2;
use super::outgoing::Outgoing;
use super::resilient::{Former, Guard, Plan, Resilient, resilient, show};
use super::work::Work;
use crate::config::{BaseUrl, Protocol, ProxyConfig, ResilienceConfig, ServiceConfig, ServicesConfig};

/// The clients of the three services, and the ways to them and to others for what is passed on as it comes.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Compliance.
    pub regtech: RegTechClient<Transport>,
    /// Training.
    pub flaisimulator: FlaiSimulatorClient<Transport>,
    /// Figures.
    pub dashboard: DashboardClient<Transport>,
    /// The three services in this order, and the others.
    services: Vec<Reached>,
    connections: Connections,
    /// The services whose circuit knows nothing of what was.
    resets: Vec<String>,
}

/// To one service, as it comes.
#[derive(Debug, Clone)]
pub struct Way {
    /// Carries what clients send.
    pub transport: StreamingTransport,
    /// Where it goes.
    pub base_url: BaseUrl,
    /// How long an answer may take.
    pub timeout: Duration,
    /// What it is sent as.
    pub authorization: Option<HeaderValue>,
    /// What stands by the service.
    pub guard: Guard,
}

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// One service, with all that stands by it, and what that was made of.
#[derive(Debug, Clone)]
struct Reached {
    config: ServiceConfig,
    routes: Routes,
    calls: Transport,
    /// The way to it, and those of routes that are guarded by themselves.
    ways: Vec<Way>,
    check: Option<Work>,
}

impl Clients {
    /// Clients as they are configured, and what checks the addresses of their services once it is started; `proxy` has further
    /// services, and routes that are guarded by themselves.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a base URL or the TLS set-up cannot be used, or addresses are to be checked that are not there.
    pub fn new(config: &ServicesConfig, proxy: &ProxyConfig) -> Result<(Self, Vec<Work>), ConfigError> {
        let clients = Self::after(config, proxy, None)?;
        let checks = clients.checks().cloned().collect();
        Ok((clients, checks))
    }

    /// The same, with what there was `before` of services that are configured as they were, connections included. Of a service that
    /// is configured otherwise, circuits and limits are those that there were as far as they are to be the same.
    ///
    /// # Errors
    ///
    /// As those of [`new`](Self::new).
    pub fn after(
        config: &ServicesConfig,
        proxy: &ProxyConfig,
        before: Option<&Self>,
    ) -> Result<Self, ConfigError> {
        let mut making = Making::new(proxy, before);
        let (regtech, flaisimulator, dashboard) = (&config.regtech, &config.flaisimulator, &config.dashboard);
        let regtech_paths = RegTechPaths::default()
            .analyze_provider(regtech.analyze_path.as_str())
            .compliance_dashboard(regtech.metrics_path.as_str());
        let flaisimulator_paths = FlaiSimulatorPaths::default()
            .metrics(flaisimulator.metrics_path.as_str())
            .training_sessions(flaisimulator.sessions_path.as_str());
        let dashboard_paths = DashboardPaths::default()
            .update_metrics(dashboard.update_path.as_str())
            .metrics(dashboard.metrics_path.as_str());
        let regtech = making.client("regtech", regtech.service())?;
        let flaisimulator = making.client("flaisimulator", flaisimulator.service())?;
        let dashboard = making.client("dashboard", dashboard.service())?;
        for (name, config) in proxy.further_services() {
            making.reach(&name, config)?;
        }
        let Making { connections, services, resets, .. } = making;
        Ok(Self {
            regtech: RegTechClient::new(regtech).paths(regtech_paths),
            flaisimulator: FlaiSimulatorClient::new(flaisimulator).paths(flaisimulator_paths),
            dashboard: DashboardClient::new(dashboard).paths(dashboard_paths),
            services,
            connections,
            resets,
        })
    }

    /// What stands by each service, the three first; then what stands by routes alone.
    pub fn guards(&self) -> impl Iterator<Item = &Guard> {
        self.ways().map(|way| &way.guard)
    }

    /// The way to the service of this name, or of the route of this name.
    #[must_use]
    pub fn way_to(&self, service: &str) -> Option<&Way> {
        self.ways().find(|way| way.guard.service == service)
    }

    /// What checks the addresses of services.
    pub fn checks(&self) -> impl Iterator<Item = &Work> {
        self.services.iter().filter_map(|service| service.check.as_ref())
    }

    /// The services and routes whose circuits know nothing of what was.
    #[must_use]
    pub fn resets(&self) -> &[String] {
        &self.resets
    }

    /// The services that are elsewhere than they were `before`.
    pub fn moved<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a str> {
        let is_moved = |service: &&Reached| {
            let former = before.reached(&service.ways[0].guard.service);
            former.is_some_and(|former| former.config.base_url != service.config.base_url)
        };
        self.services.iter().filter(is_moved).map(|service| &*service.ways[0].guard.service)
    }

    /// Tells metrics of all circuits, and that those are closed which there were `before` and are no more.
    pub fn show_circuits(&self, before: Option<&Self>) {
        let is_gone = |guard: &&Guard| self.way_to(&guard.service).is_none();
        for gone in before.into_iter().flat_map(Self::guards).filter(is_gone) {
            show(gone.service.to_string(), State::Closed);
        }
        self.guards().for_each(|guard| show(guard.service.to_string(), guard.circuit.state()));
    }

    /// The ways to the services, the three first; then those of routes that are guarded by themselves.
    pub fn ways(&self) -> impl Iterator<Item = &Way> {
        let of_services = self.services.iter().map(|service| &service.ways[0]);
        of_services.chain(self.services.iter().flat_map(|service| &service.ways[1..]))
    }

    fn reached(&self, name: &str) -> Option<&Reached> {
        self.services.iter().find(|service| service.ways[0].guard.service == name)
    }
}

/// All services share them.
type Connections = HyperTransport<Outgoing>;

/// Those of one service that are guarded by themselves.
type Routes = Vec<(String, ResilienceConfig)>;

/// What is made on the way.
struct Making<'a> {
    proxy: &'a ProxyConfig,
    before: Option<&'a Clients>,
    connections: Connections,
    services: Vec<Reached>,
    resets: Vec<String>,
}

impl<'a> Making<'a> {
    fn new(proxy: &'a ProxyConfig, before: Option<&'a Clients>) -> Self {
        let new = || Connections::for_bodies(CONNECT_TIMEOUT);
        let connections = before.map_or_else(new, |before| before.connections.clone());
        Self { proxy, before, connections, services: Vec::new(), resets: Vec::new() }
    }

    fn client(
        &mut self,
        name: &'static str,
        config: ServiceConfig,
    ) -> Result<ServiceClient<Transport>, ConfigError> {
        let reached = self.reach(name, config)?;
        let config = &reached.config;
        let client = ServiceClient::new(name, config.base_url.as_str(), reached.calls.clone())?
            .timeout(config.timeout_seconds.get())
            .max_response_bytes(config.max_response_bytes.get());
        Ok(match config.authorization() {
            Some(value) => client.header(AUTHORIZATION, value),
            None => client,
        })
    }

    fn reach(&mut self, name: &str, config: ServiceConfig) -> Result<&Reached, ConfigError> {
        let routes = self.proxy.own_resilience(name);
        let before = self.before.and_then(|before| before.reached(name));
        let reached = match before.filter(|before| before.config == config && before.routes == routes) {
            Some(same) => same.clone(),
            None => self.make(name, config, routes, before)?,
        };
        let place = self.services.len();
        self.services.push(reached);
        Ok(&self.services[place])
    }

    fn make(
        &mut self,
        name: &str,
        config: ServiceConfig,
        routes: Routes,
        before: Option<&Reached>,
    ) -> Result<Reached, ConfigError> {
        let guards: Vec<Guard> =
            before.iter().flat_map(|before| &before.ways).map(|way| way.guard.clone()).collect();
        let former = before.map(|before| Former { config: &before.config, guards: &guards });
        let plan = Plan { name, config: &config, routes: &routes, former };
        self.resets.extend(plan.resets());
        let Resilient { calls, streams, guard, check, of_routes } = resilient_for(plan, &self.connections)?;
        let way = |(transport, guard): (StreamingTransport, Guard)| Way {
            transport,
            base_url: config.base_url.clone(),
            timeout: config.timeout_seconds.get(),
            authorization: config.authorization(),
            guard,
        };
        let ways: Vec<Way> = std::iter::once((streams, guard)).chain(of_routes).map(way).collect();
        Ok(Reached { ways, calls, check: check.map(Work::new), config, routes })
    }
}

fn resilient_for(plan: Plan<'_>, connections: &Connections) -> Result<Resilient, ConfigError> {
    match plan.config.protocol {
        Protocol::Http1 => resilient_over(plan, connections),
        Protocol::Http2 => resilient(plan, Http2::new(CONNECT_TIMEOUT)),
    }
}

#[cfg(not(feature = "tls"))]
fn resilient_over(plan: Plan<'_>, connections: &Connections) -> Result<Resilient, ConfigError> {
    resilient(plan, connections.clone())
}

#[cfg(feature = "tls")]
fn resilient_over(plan: Plan<'_>, connections: &Connections) -> Result<Resilient, ConfigError> {
    match tls_transport(plan.config.base_url.as_str())? {
        Some(secure) => resilient(plan, secure),
        None => resilient(plan, connections.clone()),
    }
}

/// For the keys of issuers, at a URL that the configuration has found this build to speak.
#[cfg(not(feature = "tls"))]
#[allow(clippy::unnecessary_wraps, reason = "the variant with TLS can fail")]
pub(super) fn keys_transport(_: &str) -> Result<Transport, ConfigError> {
    Ok(transport(Connections::for_bodies(CONNECT_TIMEOUT)))
}

/// For the keys of issuers.
#[cfg(feature = "tls")]
pub(super) fn keys_transport(url: &str) -> Result<Transport, ConfigError> {
    Ok(tls_transport(url)?.map_or_else(|| transport(Connections::for_bodies(CONNECT_TIMEOUT)), transport))
}

/// Where the URL asks for it.
#[cfg(feature = "tls")]
fn tls_transport(
    url: &str,
) -> Result<Option<integridai_tower::client::transport::ReqwestTransport>, ConfigError> {
    use integridai_tower::client::transport::ReqwestTransport;

    let is_https = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    if !is_https {
        return Ok(None);
    }
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(std::time::Duration::from_secs(5))
        .build()
        .map_err(|error| ConfigError::new("tls", error.to_string()))?;
    Ok(Some(ReqwestTransport::new(client)))
}
