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
use crate::config::{BaseUrl, Protocol, ServiceConfig, ServicesConfig};

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
    /// Clients as they are configured, and what checks the addresses of their services while it is polled; `further` services are
    /// there for what is passed on.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a base URL or the TLS set-up cannot be used, or addresses are to be checked that are not there.
    pub fn new(
        config: &ServicesConfig,
        further: &[(String, ServiceConfig)],
    ) -> Result<(Self, Vec<CheckHealth>), ConfigError> {
        let connections = Connections::for_bodies(CONNECT_TIMEOUT);
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
        let mut checks = Vec::new();
        let regtech = client("regtech", &regtech.service(), &connections, &mut checks)?;
        let flaisimulator = client("flaisimulator", &flaisimulator.service(), &connections, &mut checks)?;
        let dashboard = client("dashboard", &dashboard.service(), &connections, &mut checks)?;
        let mut ways = vec![regtech.1, flaisimulator.1, dashboard.1];
        for (name, config) in further {
            ways.push(way(name.clone().into(), config, &connections, &mut checks)?.1);
        }
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

    /// The way to the service of this name.
    #[must_use]
    pub fn way_to(&self, service: &str) -> Option<&Way> {
        self.ways.iter().find(|way| way.guard.service == service)
    }
}

/// All services share them.
type Connections = HyperTransport<Outgoing>;

fn client(
    name: &'static str,
    config: &ServiceConfig,
    connections: &Connections,
    checks: &mut Vec<CheckHealth>,
) -> Result<(ServiceClient<Transport>, Way), ConfigError> {
    let (transport, way) = way(name.into(), config, connections, checks)?;
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
    connections: &Connections,
    checks: &mut Vec<CheckHealth>,
) -> Result<(Transport, Way), ConfigError> {
    let Resilient { calls, streams, guard, check } = resilient_for(name, config, connections)?;
    checks.extend(check);
    let authorization = config.authorization();
    let (base_url, timeout) = (config.base_url.clone(), config.timeout_seconds.get());
    Ok((calls, Way { transport: streams, base_url, timeout, authorization, guard }))
}

fn resilient_for(
    name: Cow<'static, str>,
    config: &ServiceConfig,
    connections: &Connections,
) -> Result<Resilient, ConfigError> {
    match config.protocol {
        Protocol::Http1 => resilient_over(name, config, connections),
        Protocol::Http2 => resilient(name, config, Http2::new(CONNECT_TIMEOUT)),
    }
}

#[cfg(not(feature = "tls"))]
fn resilient_over(
    name: Cow<'static, str>,
    config: &ServiceConfig,
    connections: &Connections,
) -> Result<Resilient, ConfigError> {
    resilient(name, config, connections.clone())
}

#[cfg(feature = "tls")]
fn resilient_over(
    name: Cow<'static, str>,
    config: &ServiceConfig,
    connections: &Connections,
) -> Result<Resilient, ConfigError> {
    match tls_transport(config.base_url.as_str())? {
        Some(secure) => resilient(name, config, secure),
        None => resilient(name, config, connections.clone()),
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
