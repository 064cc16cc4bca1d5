//! Towards the services: one pool of connections, three typed clients, and for each service what stands by it.

use super::boxed::{Transport, transport};
use super::resilient::{Guard, Resilient, resilient};
use crate::config::{ServiceConfig, ServicesConfig};
use http::header::AUTHORIZATION;
use integridai_tower::ConfigError;
use integridai_tower::client::ServiceClient;
use integridai_tower::client::balance::CheckHealth;
use integridai_tower::client::integridai::{
    DashboardClient, DashboardPaths, FlaiSimulatorClient, FlaiSimulatorPaths, RegTechClient, RegTechPaths,
};
use integridai_tower::client::transport::HyperTransport;

/// The clients of the three services.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Compliance.
    pub regtech: RegTechClient<Transport>,
    /// Training.
    pub flaisimulator: FlaiSimulatorClient<Transport>,
    /// Figures.
    pub dashboard: DashboardClient<Transport>,
    /// What stands by each of them, in this order.
    guards: [Guard; 3],
}

impl Clients {
    /// Clients as they are configured, and what checks the addresses of their services while it is polled.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a base URL or the TLS set-up cannot be used, or addresses are to be checked that are not there.
    pub fn new(config: &ServicesConfig) -> Result<(Self, Vec<CheckHealth>), ConfigError> {
        let connections = HyperTransport::new();
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
        let regtech = client("regtech", &regtech.service(), &connections)?;
        let flaisimulator = client("flaisimulator", &flaisimulator.service(), &connections)?;
        let dashboard = client("dashboard", &dashboard.service(), &connections)?;
        let checks = [regtech.check, flaisimulator.check, dashboard.check];
        let clients = Self {
            regtech: RegTechClient::new(regtech.client).paths(regtech_paths),
            flaisimulator: FlaiSimulatorClient::new(flaisimulator.client).paths(flaisimulator_paths),
            dashboard: DashboardClient::new(dashboard.client).paths(dashboard_paths),
            guards: [regtech.guard, flaisimulator.guard, dashboard.guard],
        };
        Ok((clients, checks.into_iter().flatten().collect()))
    }

    /// What stands by each service.
    #[must_use]
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }
}

/// One of them.
struct Client {
    client: ServiceClient<Transport>,
    guard: Guard,
    check: Option<CheckHealth>,
}

fn client(
    name: &'static str,
    config: &ServiceConfig,
    connections: &HyperTransport,
) -> Result<Client, ConfigError> {
    let Resilient { transport, guard, check } = transport_for(name, config, connections)?;
    let client = ServiceClient::new(name, config.base_url.as_str(), transport)?
        .timeout(config.timeout_seconds.get())
        .max_response_bytes(config.max_response_bytes.get());
    let client = match config.authorization() {
        Some(value) => client.header(AUTHORIZATION, value),
        None => client,
    };
    Ok(Client { client, guard, check })
}

#[cfg(not(feature = "tls"))]
fn transport_for(
    name: &'static str,
    config: &ServiceConfig,
    connections: &HyperTransport,
) -> Result<Resilient, ConfigError> {
    resilient(name, config, connections.clone())
}

#[cfg(feature = "tls")]
fn transport_for(
    name: &'static str,
    config: &ServiceConfig,
    connections: &HyperTransport,
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
    Ok(transport(HyperTransport::new()))
}

/// For the keys of issuers.
#[cfg(feature = "tls")]
pub(super) fn keys_transport(url: &str) -> Result<Transport, ConfigError> {
    Ok(tls_transport(url)?.map_or_else(|| transport(HyperTransport::new()), transport))
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
