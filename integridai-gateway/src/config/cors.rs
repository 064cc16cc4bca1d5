//! `[cors]`

use http::HeaderValue;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

/// Which pages of other origins may call the gateway from a browser.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsConfig {
    /// Origins such as `https://console.example.org`; none by default.
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<String>,
}

impl CorsConfig {
    /// Whether pages of this origin may open a WebSocket at `host`, as clients call the gateway: browsers do not apply CORS to
    /// those. Its own may.
    #[must_use]
    pub fn admits(&self, origin: &HeaderValue, host: Option<&str>) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let is_own = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
        is_own || self.allowed_origins.iter().any(|allowed| allowed == origin)
    }
}

fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let origins = Vec::<String>::deserialize(deserializer)?;
    match origins.iter().find(|origin| !is_origin(origin)) {
        Some(wrong) => Err(D::Error::invalid_value(
            Unexpected::Str(wrong),
            &"an origin such as https://console.example.org",
        )),
        None => Ok(origins),
    }
}

/// Scheme, host and port, nothing behind (RFC 6454 §6.2); `*` is refused, so that a wildcard is never an accident.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    matches!(scheme, "http" | "https")
        && text.parse::<http::Uri>().is_ok()
        && http::HeaderValue::from_str(text).is_ok()
        && !host.is_empty()
        && !host.contains(['/', '?', '#', '@', '*'])
}
