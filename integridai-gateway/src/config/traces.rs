//! `[traces]`

use std::collections::BTreeMap;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

use super::{BaseUrl, ConfigError, Seconds};

/// Traces, sent to a collector of OpenTelemetry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// Where the collector is; without it nothing is traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<BaseUrl>,
    /// How it is spoken to.
    pub protocol: TracesProtocol,
    /// The share that is sampled of traces that begin here: 0 to 1.
    #[serde(deserialize_with = "share")]
    pub sample_ratio: f64,
    /// How long it may take to accept a batch.
    pub timeout_seconds: Seconds,
    /// What the gateway is called there.
    pub service_name: String,
    /// What is said of this gateway beside its name and version.
    pub resource: BTreeMap<String, String>,
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TracesProtocol {
    /// OTLP over HTTP with binary protobuf.
    Http,
    /// OTLP over gRPC.
    Grpc,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            protocol: TracesProtocol::Http,
            sample_ratio: 1.0,
            timeout_seconds: Seconds::new(5),
            service_name: "integridai-gateway".to_owned(),
            resource: BTreeMap::new(),
        }
    }
}

impl TracesConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.endpoint.is_some() && !cfg!(feature = "otlp") {
            let reason = "this build sends no traces; that needs the cargo feature `otlp`";
            return Err(ConfigError::Contradiction { keys: "traces.endpoint".into(), reason });
        }
        Ok(())
    }
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let share = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(D::Error::invalid_value(Unexpected::Float(share), &"a share from 0 to 1"))
    }
}
