//! `[auth]`

use std::collections::BTreeMap;
use std::path::PathBuf;

use integridai_tower::auth::api_key::ApiKeyRecord;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::values::speaks;
use super::{ClientCertificateConfig, ConfigError, Count, KeysUrl, Seconds, Secret};

/// Who may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Whether anybody may do anything. On loopback only.
    pub disabled: bool,
    /// The protection space named to clients (RFC 9110 §11.5).
    pub realm: String,
    /// How far the clocks of issuers may differ; at most 300 s.
    pub leeway_seconds: Seconds,
    /// Verified tokens that are remembered.
    pub max_cached_tokens: Count,
    /// How long a ticket for a WebSocket may be used; at most 300 s.
    pub ticket_seconds: Seconds,
    /// The key under which API keys are digested; digests made under another one do not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_pepper: Option<Secret>,
    /// Who may sign tokens, by a name of yours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub issuers: BTreeMap<String, IssuerConfig>,
    /// API keys, by a name of yours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub api_keys: BTreeMap<String, ApiKeyConfig>,
    /// Callers that are known by their certificates, by a name of yours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub client_certificates: BTreeMap<String, ClientCertificateConfig>,
}

/// An issuer of tokens, and where its keys are: exactly one of `discovery`, `jwks_url`, `public_key_file`, `secret`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct IssuerConfig {
    /// The tokens' `iss`, character by character.
    pub issuer: String,
    /// A token's `aud` must have one of these.
    pub audience: Vec<String>,
    /// Whether the keys are found through the issuer's discovery document.
    #[serde(skip_serializing_if = "is_false")]
    pub discovery: bool,
    /// Where the keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<KeysUrl>,
    /// A file with a public key in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_file: Option<PathBuf>,
    /// A secret shared with the issuer, at least 32 characters (HS256).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The claim with the principal's roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles_claim: Option<String>,
    /// The claim with the principal's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_claim: Option<String>,
}

impl IssuerConfig {
    /// An issuer whose secret is shared.
    #[must_use]
    pub fn shared_secret(issuer: &str, audience: &str, secret: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: vec![audience.to_owned()],
            secret: Some(Secret::new(secret)),
            ..Self::default()
        }
    }

    fn sources(&self) -> usize {
        let sources =
            [self.discovery, self.jwks_url.is_some(), self.public_key_file.is_some(), self.secret.is_some()];
        sources.into_iter().filter(|is_there| *is_there).count()
    }

    /// What no other key can mend. What lacks may still come from the environment.
    fn contradiction(&self) -> Option<&'static str> {
        if self.sources() > 1 {
            return Some("more than one of discovery, jwks_url, public_key_file and secret");
        }
        speaks(&self.issuer).err().filter(|_| self.discovery)
    }
}

impl<'de> Deserialize<'de> for IssuerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let issuer = Self::deserialize(deserializer)?;
        issuer.contradiction().map_or(Ok(issuer), |reason| Err(D::Error::custom(reason)))
    }
}

impl Serialize for IssuerConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// An API key, of which only digests are known here; `integridai-gateway api-key` makes one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeyConfig(ApiKeyRecord);

impl ApiKeyConfig {
    /// What is known of it.
    #[must_use]
    pub fn record(&self) -> ApiKeyRecord {
        self.0.clone()
    }
}

impl From<ApiKeyRecord> for ApiKeyConfig {
    fn from(record: ApiKeyRecord) -> Self {
        Self(record)
    }
}

/// By what a configuration file would say.
impl PartialEq for ApiKeyConfig {
    fn eq(&self, other: &Self) -> bool {
        let [one, two] = [self, other].map(|key| toml::to_string(key).ok());
        one.is_some() && one == two
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            disabled: false,
            realm: "integridai".to_owned(),
            leeway_seconds: Seconds::new(60),
            max_cached_tokens: Count::new(10_000),
            ticket_seconds: Seconds::new(30),
            api_key_pepper: None,
            issuers: BTreeMap::new(),
            api_keys: BTreeMap::new(),
            client_certificates: BTreeMap::new(),
        }
    }
}

impl AuthConfig {
    /// Whether anybody could prove who they are.
    #[must_use]
    pub fn has_authenticator(&self) -> bool {
        !self.issuers.is_empty() || !self.api_keys.is_empty() || !self.client_certificates.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (name, issuer) in &self.issuers {
            let lacking = |reason| {
                Err(ConfigError::Contradiction { keys: format!("auth.issuers.{name}").into(), reason })
            };
            let is_nameless = issuer.audience.iter().any(String::is_empty);
            if issuer.issuer.is_empty() || issuer.audience.is_empty() || is_nameless {
                return lacking("it needs its issuer and at least one audience, and none is empty");
            }
            if issuer.sources() == 0 {
                return lacking("it needs one of discovery, jwks_url, public_key_file and secret");
            }
        }
        let most = Seconds::new(300);
        for (seconds, keys) in
            [(self.ticket_seconds, "auth.ticket_seconds"), (self.leeway_seconds, "auth.leeway_seconds")]
        {
            if seconds > most {
                let reason = "at most 300: what has ended, or stands in a URL, must not be good for long";
                return Err(ConfigError::Contradiction { keys: keys.into(), reason });
            }
        }
        let realm_fits =
            self.realm.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
        if !realm_fits {
            return Err(ConfigError::Contradiction {
                keys: "auth.realm".into(),
                reason: "visible ASCII characters and spaces only, neither quotes nor backslashes",
            });
        }
        Ok(())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
