//! `[services.regtech]`, `[services.flaisimulator]`, `[services.dashboard]`

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::{BaseUrl, ConfigError, Count, ResilienceConfig, Seconds, Secret, UrlPath};

/// The three services.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServicesConfig {
    /// RegTech Engine: compliance.
    pub regtech: RegTechConfig,
    /// FLAISimulator: training.
    pub flaisimulator: FlaiSimulatorConfig,
    /// Dashboard: figures.
    pub dashboard: DashboardConfig,
}

/// What every service has. Not a section of its own: its keys stand in each service's.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceConfig {
    /// Where the service is.
    pub base_url: BaseUrl,
    /// What it speaks there.
    pub protocol: Protocol,
    /// The longest that one call may take.
    pub timeout_seconds: Seconds,
    /// The greatest size of an answer in bytes.
    pub max_response_bytes: Count,
    /// Sent as `Authorization: Bearer …`.
    pub bearer_token: Option<Secret>,
    /// What is done when it fails.
    pub resilience: ResilienceConfig,
}

/// What a service without TLS speaks; with it, both ends agree on that by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 from the first byte (RFC 9113 §3.3), such as gRPC's servers.
    Http2,
}

impl ServicesConfig {
    /// The one of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<ServiceConfig> {
        match name {
            "regtech" => Some(self.regtech.service()),
            "flaisimulator" => Some(self.flaisimulator.service()),
            "dashboard" => Some(self.dashboard.service()),
            _ => None,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for name in ["regtech", "flaisimulator", "dashboard"] {
            if let Some(reason) = self.named(name).and_then(|service| service.contradiction()) {
                let keys = format!("services.{name}").into();
                return Err(ConfigError::Contradiction { keys, reason });
            }
        }
        Ok(())
    }
}

impl ServiceConfig {
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let is_secure =
            self.base_url.as_str().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let is_told = is_secure && self.protocol == Protocol::Http2;
        is_told.then_some("with https:// both ends agree on the protocol by themselves: leave protocol out")
    }

    /// What lets the gateway in: a value that is not printed.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        let token = self.bearer_token.as_ref()?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .expect("a secret is visible ASCII, checked when it was parsed");
        value.set_sensitive(true);
        Some(value)
    }
}

/// RegTech Engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegTechConfig {
    base_url: BaseUrl,
    protocol: Protocol,
    timeout_seconds: Seconds,
    max_response_bytes: Count,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer_token: Option<Secret>,
    /// Analyses a provider.
    pub analyze_path: UrlPath,
    /// The compliance figures.
    pub metrics_path: UrlPath,
    resilience: ResilienceConfig,
}

/// FLAISimulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlaiSimulatorConfig {
    base_url: BaseUrl,
    protocol: Protocol,
    timeout_seconds: Seconds,
    max_response_bytes: Count,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer_token: Option<Secret>,
    /// The training figures.
    pub metrics_path: UrlPath,
    /// Training sessions; `/{id}` is put behind it.
    pub sessions_path: UrlPath,
    resilience: ResilienceConfig,
}

/// Dashboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DashboardConfig {
    base_url: BaseUrl,
    protocol: Protocol,
    timeout_seconds: Seconds,
    max_response_bytes: Count,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer_token: Option<Secret>,
    /// Takes updates.
    pub update_path: UrlPath,
    /// The dashboard's figures.
    pub metrics_path: UrlPath,
    resilience: ResilienceConfig,
}

const MAX_RESPONSE_BYTES: Count = Count::new(4 * 1024 * 1024);

impl Default for RegTechConfig {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::new("http://localhost:3000"),
            protocol: Protocol::Http1,
            timeout_seconds: Seconds::new(60),
            max_response_bytes: MAX_RESPONSE_BYTES,
            bearer_token: None,
            analyze_path: UrlPath::new("/analyze_provider"),
            metrics_path: UrlPath::new("/compliance_dashboard"),
            resilience: ResilienceConfig::default(),
        }
    }
}

impl Default for FlaiSimulatorConfig {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::new("http://localhost:8000"),
            protocol: Protocol::Http1,
            timeout_seconds: Seconds::new(10),
            max_response_bytes: MAX_RESPONSE_BYTES,
            bearer_token: None,
            metrics_path: UrlPath::new("/api/v1/metrics"),
            sessions_path: UrlPath::new("/api/v1/training/sessions"),
            resilience: ResilienceConfig::default(),
        }
    }
}

impl Default for DashboardConfig {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::new("http://localhost:5000"),
            protocol: Protocol::Http1,
            timeout_seconds: Seconds::new(10),
            max_response_bytes: MAX_RESPONSE_BYTES,
            bearer_token: None,
            update_path: UrlPath::new("/api/update_metrics"),
            metrics_path: UrlPath::new("/api/v1/dashboard/metrics"),
            resilience: ResilienceConfig::default(),
        }
    }
}

impl RegTechConfig {
    /// What every service has.
    #[must_use]
    pub fn service(&self) -> ServiceConfig {
        ServiceConfig {
            base_url: self.base_url.clone(),
            protocol: self.protocol,
            timeout_seconds: self.timeout_seconds,
            max_response_bytes: self.max_response_bytes,
            bearer_token: self.bearer_token.clone(),
            resilience: self.resilience.clone(),
        }
    }
}

impl FlaiSimulatorConfig {
    /// What every service has.
    #[must_use]
    pub fn service(&self) -> ServiceConfig {
        ServiceConfig {
            base_url: self.base_url.clone(),
            protocol: self.protocol,
            timeout_seconds: self.timeout_seconds,
            max_response_bytes: self.max_response_bytes,
            bearer_token: self.bearer_token.clone(),
            resilience: self.resilience.clone(),
        }
    }
}

impl DashboardConfig {
    /// What every service has.
    #[must_use]
    pub fn service(&self) -> ServiceConfig {
        ServiceConfig {
            base_url: self.base_url.clone(),
            protocol: self.protocol,
            timeout_seconds: self.timeout_seconds,
            max_response_bytes: self.max_response_bytes,
            bearer_token: self.bearer_token.clone(),
            resilience: self.resilience.clone(),
        }
    }
}
