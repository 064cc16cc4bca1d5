//! `[logs]`

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use tracing_subscriber::filter::Targets;

/// Logs, on standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogsConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// How the line of an answered request looks.
    pub access: AccessFormat,
    /// Levels by target, such as `info,integridai_gateway=debug`.
    #[serde(deserialize_with = "filter")]
    pub filter: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// How the line of an answered request looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessFormat {
    /// Like all others.
    Line,
    /// In the Combined Log Format of Apache and nginx, with the correlation id and the trace id behind it.
    Combined,
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self { format: LogFormat::Human, access: AccessFormat::Line, filter: "info".into() }
    }
}

fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.parse::<Targets>().is_ok() {
        Ok(text)
    } else {
        Err(D::Error::invalid_value(Unexpected::Str(&text), &"levels and target=level, separated by commas"))
    }
}
