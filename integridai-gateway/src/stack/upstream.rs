//! Towards the services: one pool of connections, three typed clients, and for each service what stands by it and a way for
//! what is passed on.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use integridai_tower::ConfigError;
use integridai_tower::client::ServiceClient;
use integridai_tower::client::balance::CheckHealth;
use integridai_tower::client::integridai::{
    DashboardClient, DashboardPaths, FlaiSimulatorClient, FlaiSimulatorPaths, RegTechClient, RegTechPaths,
};
use integridai_tower::client::transport::HyperTransport;

use super::boxed::{StreamingTransport, Transport, transport};
use super::http2::Http2;
use super::outgoing::Outgoing;
use super::resilient::{Guard, Resilient, resilient};
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
    /// The three services in this order, the others, and those of routes that are guarded by themselves.
    ways: Vec<Way>,
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

impl Clients {
    /// Clients as they are configured, and what checks the addresses of their services while it is polled; `proxy` has further
    /// services, and routes that are guarded by themselves.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a base URL or the TLS set-up cannot be used, or addresses are to be checked that are not there.
    pub fn new(
        config: &ServicesConfig,
        proxy: &ProxyConfig,
    ) -> Result<(Self, Vec<CheckHealth>), ConfigError> {
        let mut making = Making::new(proxy);
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
        let regtech = client("regtech", &regtech.service(), &mut making)?;
        let flaisimulator = client("flaisimulator", &flaisimulator.service(), &mut making)?;
        let dashboard = client("dashboard", &dashboard.service(), &mut making)?;
        let mut ways = vec![regtech.1, flaisimulator.1, dashboard.1];
        for (name, config) in proxy.further_services() {
            ways.push(way(name.into(), &config, &mut making)?.1);
        }
        let Making { checks, of_routes, .. } = making;
        ways.extend(of_routes);
        let clients = Self {
            regtech: RegTechClient::new(regtech.0).paths(regtech_paths),
            flaisimulator: FlaiSimulatorClient::new(flaisimulator.0).paths(flaisimulator_paths),
            dashboard: DashboardClient::new(dashboard.0).paths(dashboard_paths),
            ways,
        };
        Ok((clients, checks))
    }

    /// What stands by each service, the three first.
    pub fn guards(&self) -> impl Iterator<Item = &Guard> {
        self.ways.iter().map(|way| &way.guard)
    }

    /// The way to the service of this name, or of the route of this name.
    #[must_use]
    pub fn way_to(&self, service: &str) -> Option<&Way> {
        self.ways.iter().find(|way| way.guard.service == service)
    }
}

/// All services share them.
type Connections = HyperTransport<Outgoing>;

/// Those of one service that are guarded by themselves.
type Routes = [(String, ResilienceConfig)];

/// What is made on the way.
struct Making<'a> {
    proxy: &'a ProxyConfig,
    connections: Connections,
    checks: Vec<CheckHealth>,
    of_routes: Vec<Way>,
}

impl<'a> Making<'a> {
    fn new(proxy: &'a ProxyConfig) -> Self {
        let connections = Connections::for_bodies(CONNECT_TIMEOUT);
        Self { proxy, connections, checks: Vec::new(), of_routes: Vec::new() }
    }
}

fn client(
    name: &'static str,
    config: &ServiceConfig,
    making: &mut Making<'_>,
) -> Result<(ServiceClient<Transport>, Way), ConfigError> {
    let (transport, way) = way(name.into(), config, making)?;
    let client = ServiceClient::new(name, config.base_url.as_str(), transport)?
        .timeout(config.timeout_seconds.get())
        .max_response_bytes(config.max_response_bytes.get());
    Ok(match way.authorization.clone() {
        Some(value) => (client.header(AUTHORIZATION, value), way),
        None => (client, way),
    })
}

fn way(
    name: Cow<'static, str>,
    config: &ServiceConfig,
    making: &mut Making<'_>,
) -> Result<(Transport, Way), ConfigError> {
    let routes = making.proxy.own_resilience(&name);
    let Resilient { calls, streams, guard, check, of_routes } =
        resilient_for(name, config, &routes, &making.connections)?;
    making.checks.extend(check);
    let authorization = config.authorization();
    let way = |(transport, guard)| {
        let (base_url, timeout) = (config.base_url.clone(), config.timeout_seconds.get());
        Way { transport, base_url, timeout, authorization: authorization.clone(), guard }
    };
    making.of_routes.extend(of_routes.into_iter().map(way));
    Ok((calls, way((streams, guard))))
}

fn resilient_for(
    name: Cow<'static, str>,
    config: &ServiceConfig,
    routes: &Routes,
    connections: &Connections,
) -> Result<Resilient, ConfigError> {
    match config.protocol {
        Protocol::Http1 => resilient_over(name, config, routes, connections),
        Protocol::Http2 => resilient(name, config, routes, Http2::new(CONNECT_TIMEOUT)),
    }
}

#[cfg(not(feature = "tls"))]
fn resilient_over(
    name: Cow<'static, str>,
    config: &ServiceConfig,
    routes: &Routes,
    connections: &Connections,
) -> Result<Resilient, ConfigError> {
    resilient(name, config, routes, connections.clone())
}

#[cfg(feature = "tls")]
fn resilient_over(
    name: Cow<'static, str>,
    config: &ServiceConfig,
    routes: &Routes,
    connections: &Connections,
) -> Result<Resilient, ConfigError> {
    match tls_transport(config.base_url.as_str())? {
        Some(secure) => resilient(name, config, routes, secure),
        None => resilient(name, config, routes, connections.clone()),
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
