//! Towards the services: one pool of connections, three typed clients, and on each call the trace of its request.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use integridai_tower::ConfigError;
use integridai_tower::client::ServiceClient;
use integridai_tower::client::integridai::{
    DashboardClient, DashboardPaths, FlaiSimulatorClient, FlaiSimulatorPaths, RegTechClient, RegTechPaths,
};
use integridai_tower::client::transport::HyperTransport;
use integridai_tower::correlation::PropagateLayer;
use tower::Layer;

use super::boxed::{Transport, transport};
use crate::config::{ServiceConfig, ServicesConfig};

/// The clients of the three services.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Compliance.
    pub regtech: RegTechClient<Transport>,
    /// Training.
    pub flaisimulator: FlaiSimulatorClient<Transport>,
    /// Figures.
    pub dashboard: DashboardClient<Transport>,
}

impl Clients {
    /// Clients as they are configured.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a base URL or the TLS set-up cannot be used.
    pub fn new(config: &ServicesConfig) -> Result<Self, ConfigError> {
        let plain = transport(PropagateLayer::new().layer(HyperTransport::new()));
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
        let flaisimulator = client("flaisimulator", &flaisimulator.service(), &plain)?;
        Ok(Self {
            regtech: RegTechClient::new(client("regtech", &regtech.service(), &plain)?).paths(regtech_paths),
            flaisimulator: FlaiSimulatorClient::new(flaisimulator).paths(flaisimulator_paths),
            dashboard: DashboardClient::new(client("dashboard", &dashboard.service(), &plain)?)
                .paths(dashboard_paths),
        })
    }
}

fn client(
    name: &str,
    config: &ServiceConfig,
    plain: &Transport,
) -> Result<ServiceClient<Transport>, ConfigError> {
    let transport = transport_for(config.base_url.as_str(), plain)?;
    let client = ServiceClient::new(name, config.base_url.as_str(), transport)?
        .timeout(config.timeout_seconds.get())
        .max_response_bytes(config.max_response_bytes.get());
    let Some(token) = &config.bearer_token else { return Ok(client) };
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .expect("a secret is visible ASCII, checked when it was parsed");
    value.set_sensitive(true);
    Ok(client.header(AUTHORIZATION, value))
}

/// For the keys of issuers, at a URL that the configuration has found this build to speak.
pub(super) fn keys_transport(url: &str) -> Result<Transport, ConfigError> {
    transport_for(url, &transport(HyperTransport::new()))
}

#[cfg(not(feature = "tls"))]
#[allow(clippy::unnecessary_wraps, reason = "the variant with TLS can fail")]
fn transport_for(_: &str, plain: &Transport) -> Result<Transport, ConfigError> {
    Ok(plain.clone())
}

#[cfg(feature = "tls")]
fn transport_for(url: &str, plain: &Transport) -> Result<Transport, ConfigError> {
    use integridai_tower::client::transport::ReqwestTransport;

    let is_https = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    if !is_https {
        return Ok(plain.clone());
    }
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(std::time::Duration::from_secs(5))
        .build()
        .map_err(|error| ConfigError::new("tls", error.to_string()))?;
    Ok(transport(PropagateLayer::new().layer(ReqwestTransport::new(client))))
}
