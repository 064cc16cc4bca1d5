//! `[server.security_headers]`

use http::HeaderValue;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::WholeSeconds;

/// What browsers are told of every answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityHeadersConfig {
    /// Whether nothing is added.
    pub disabled: bool,
    /// Whether what a service says of the same is replaced.
    pub replace: bool,
    /// How long a browser that came over TLS comes over TLS only (RFC 6797); 0: it is told nothing.
    pub hsts_max_age_seconds: WholeSeconds,
    /// Whether that goes for all names below, too.
    pub hsts_include_subdomains: bool,
    /// Whether `X-Content-Type-Options: nosniff` is said.
    pub nosniff: bool,
    /// `Referrer-Policy`; empty for none.
    pub referrer_policy: ReferrerPolicy,
    /// Who may show answers in a frame (`Content-Security-Policy: frame-ancestors`); empty for no word on it.
    pub frame_ancestors: FrameAncestors,
}

/// Tokens of Referrer Policy §3, by commas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReferrerPolicy(String);

/// Sources of CSP 3 §6.4.2, such as `'self'`, `'none'` or `https://console.example.org`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FrameAncestors(Vec<String>);

const REFERRER_POLICIES: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

impl Default for SecurityHeadersConfig {
    fn default() -> Self {
        Self {
            disabled: false,
            replace: false,
            hsts_max_age_seconds: WholeSeconds::new(0),
            hsts_include_subdomains: false,
            nosniff: true,
            referrer_policy: ReferrerPolicy("no-referrer".to_owned()),
            frame_ancestors: FrameAncestors(vec!["'self'".to_owned()]),
        }
    }
}

impl SecurityHeadersConfig {
    /// `Strict-Transport-Security`, if it is said.
    #[must_use]
    pub fn hsts(&self) -> Option<HeaderValue> {
        let seconds = self.hsts_max_age_seconds.get();
        let below = if self.hsts_include_subdomains { "; includeSubDomains" } else { "" };
        (seconds > 0).then(|| HeaderValue::try_from(format!("max-age={seconds}{below}")).ok()).flatten()
    }
}

impl ReferrerPolicy {
    /// The field's value, if it is said.
    #[must_use]
    pub fn value(&self) -> Option<HeaderValue> {
        (!self.0.is_empty()).then(|| HeaderValue::try_from(&self.0).ok()).flatten()
    }
}

impl FrameAncestors {
    /// The policy, if there is one.
    #[must_use]
    pub fn policy(&self) -> Option<HeaderValue> {
        let policy = || HeaderValue::try_from(format!("frame-ancestors {}", self.0.join(" "))).ok();
        (!self.0.is_empty()).then(policy).flatten()
    }
}

impl<'de> Deserialize<'de> for ReferrerPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_known = |token: &str| REFERRER_POLICIES.contains(&token.trim());
        if text.is_empty() || text.split(',').all(is_known) {
            Ok(Self(text))
        } else {
            Err(D::Error::custom(format!("expected one of {}", REFERRER_POLICIES.join(", "))))
        }
    }
}

impl<'de> Deserialize<'de> for FrameAncestors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sources = Vec::<String>::deserialize(deserializer)?;
        let ends_policy = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b';' | b',');
        let is_source = |source: &String| !source.is_empty() && !source.bytes().any(ends_policy);
        if sources.iter().all(is_source) {
            Ok(Self(sources))
        } else {
            Err(D::Error::custom("expected sources such as 'self', 'none' or https://console.example.org"))
        }
    }
}
