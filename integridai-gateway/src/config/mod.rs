//! The configuration: one file, then the environment over it, parsed into types that cannot be wrong.
//!
//! Every key has a default, so no file is needed. The file is TOML; `gateway.toml` beside the crate documents each
//! key. A variable `INTEGRIDAI_SECTION__KEY` overrides the key of the same name. A key or variable that is unknown,
//! or whose value is wrong, is an error that names it and says what was expected.

mod admin;
mod auth;
mod cache;
mod changes;
mod client_certificates;
mod cors;
mod database;
mod environment;
mod events;
mod executions;
mod file;
mod logs;
mod metrics;
mod proxy;
mod rate_limits;
mod realtime;
mod redirect;
mod redis;
mod resilience;
mod security_headers;
mod server;
mod services;
mod tls;
mod traces;
mod triggers;
mod values;
mod workflows;

pub use admin::AdminConfig;
pub use auth::{ApiKeyConfig, AuthConfig, IssuerConfig};
pub use cache::{CacheConfig, CachedRouteConfig, CachedRoutesConfig};
pub use changes::{Change, ChangeKind};
pub use client_certificates::ClientCertificateConfig;
pub use cors::CorsConfig;
pub use database::{DatabaseConfig, DatabaseUrl, SpoolConfig};
pub use events::{EventsConfig, OtherSources, PublisherConfig};
pub use executions::ExecutionsConfig;
pub use logs::{AccessFormat, LogFormat, LogsConfig};
pub use metrics::MetricsConfig;
pub use proxy::{
    IdentityFact, ProxyCacheConfig, ProxyConfig, ProxyRouteConfig, ProxyUpgradeConfig, RoutePath, RouteTarget,
};
pub use rate_limits::{
    ForwardingField, LimitedMethod, PolicyConfig, PolicyKey, QuotaConfig, RateLimitsConfig, Tiers,
};
pub use realtime::RealtimeConfig;
pub use redirect::RedirectConfig;
pub use redis::{OnOutage, RedisConfig, RedisUrl};
pub use resilience::{Address, HealthCheckConfig, ResilienceConfig};
pub use security_headers::{FrameAncestors, ReferrerPolicy, SecurityHeadersConfig};
pub use server::{RuntimeKind, ServerConfig};
pub use services::{
    DashboardConfig, FlaiSimulatorConfig, Protocol, RegTechConfig, ServiceConfig, ServicesConfig,
};
pub use tls::{CertificateConfig, ClientCertificates, HostPattern, TlsConfig, TlsVersion, WithoutName};
pub use traces::{TracesConfig, TracesProtocol};
pub use triggers::TriggersConfig;
pub use values::{BaseUrl, Count, KeysUrl, Seconds, Secret, UrlPath, WholeSeconds};
pub use workflows::WorkflowsConfig;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The listener and its limits.
    pub server: ServerConfig,
    /// The listener for operators.
    pub admin: AdminConfig,
    /// Who may call.
    pub auth: AuthConfig,
    /// How often somebody may ask.
    pub rate_limits: RateLimitsConfig,
    /// Where replicas count together.
    pub redis: RedisConfig,
    /// Which browser origins may call.
    pub cors: CorsConfig,
    /// The three services.
    pub services: ServicesConfig,
    /// The workflows.
    pub workflows: WorkflowsConfig,
    /// Asynchronous executions.
    pub executions: ExecutionsConfig,
    /// Who may publish events.
    pub events: EventsConfig,
    /// Events that start workflows.
    pub triggers: TriggersConfig,
    /// Consolidated metrics.
    pub metrics: MetricsConfig,
    /// Answers that are kept.
    pub cache: CacheConfig,
    /// What is passed on to services.
    pub proxy: ProxyConfig,
    /// Real-time events.
    pub realtime: RealtimeConfig,
    /// The store.
    pub database: DatabaseConfig,
    /// Logs.
    pub logs: LogsConfig,
    /// Traces.
    pub traces: TracesConfig,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file has an unknown key or a wrong value. The value is not shown: it may be a secret.
    #[error("{}: line {line}, column {column}, `{key}`: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// The key or the section's head that stands in the line.
        key: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A variable names an unknown key or has a wrong value.
    #[error("environment variable {variable}: {reason}")]
    Variable {
        /// The variable.
        variable: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// Two keys contradict each other, or one is beyond what can work.
    #[error("{keys}: {reason}")]
    Contradiction {
        /// The keys.
        keys: Cow<'static, str>,
        /// Why they cannot both hold.
        reason: &'static str,
    },
}

impl Config {
    /// Reads `file`, if there is one, and then the variables over it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the file or variable and the key.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let table = match file {
            Some(path) => file::read(path)?,
            None => toml::Table::new(),
        };
        let config = environment::overlay(table, variables)?;
        config.check()?;
        Ok(config)
    }

    /// The configuration as TOML, with secrets hidden.
    ///
    /// # Panics
    ///
    /// Never: every value has a TOML form.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("tables, strings, numbers and booleans only")
    }

    /// Whether somebody can prove who they are, or nobody needs to.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when there is no authenticator and `auth.disabled` is not written down, or it is and the
    /// gateway would listen elsewhere than on loopback.
    pub fn check_access(&self) -> Result<(), ConfigError> {
        let open = self.auth.disabled;
        let listeners = [
            ("auth.disabled, server.listen", Some(self.server.listen)),
            ("auth.disabled, admin.listen", self.admin.listen),
        ];
        for (keys, listen) in listeners {
            if open && listen.is_some_and(|listen| !listen.ip().is_loopback()) {
                let reason = "without authentication the gateway listens on loopback only";
                return Err(ConfigError::Contradiction { keys: keys.into(), reason });
            }
        }
        if !open && !self.auth.has_authenticator() {
            return Err(ConfigError::Contradiction {
                keys: "auth".into(),
                reason: "nobody could call: name an issuer or an API key (integridai-gateway api-key makes one), or \
                         write auth.disabled = true to let everybody on this machine do everything",
            });
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.auth.check()?;
        self.rate_limits.check()?;
        self.server.check()?;
        self.redis.check()?;
        self.cache.check()?;
        self.services.check()?;
        self.proxy.check(&self.services, &self.rate_limits)?;
        self.database.check()?;
        let realtime = &self.realtime;
        let rules = [
            (
                realtime.ping_interval_seconds >= realtime.idle_timeout_seconds,
                "realtime.ping_interval_seconds, realtime.idle_timeout_seconds",
                "a subscriber must be pinged before it counts as idle",
            ),
            (
                realtime.max_pending_events.get() > 65_536,
                "realtime.max_pending_events",
                "at most 65536: room for them is taken at the start",
            ),
            (
                realtime.max_messages_per_minute.get() > 1_000_000,
                "realtime.max_messages_per_minute",
                "at most 1000000",
            ),
            (
                self.admin.listen == Some(self.server.listen) && self.server.listen.port() != 0,
                "admin.listen, server.listen",
                "two listeners cannot have one address",
            ),
            (
                !self.auth.client_certificates.is_empty() && !self.server.tls.asks_for_certificates(),
                "auth.client_certificates, server.tls.client_certificates",
                "clients are not asked for certificates",
            ),
        ];
        if let Some((_, keys, reason)) = rules.into_iter().find(|(is_broken, ..)| *is_broken) {
            return Err(ConfigError::Contradiction { keys: keys.into(), reason });
        }
        self.workflows.check()?;
        self.traces.check()?;
        self.executions.check()?;
        self.events.check()?;
        if self.server.request_timeout_seconds <= self.workflows.max_timeout_seconds {
            return Err(ConfigError::Contradiction {
                keys: "server.request_timeout_seconds, workflows.max_timeout_seconds".into(),
                reason: "a request must be allowed more time than a workflow, or its answer is lost",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
