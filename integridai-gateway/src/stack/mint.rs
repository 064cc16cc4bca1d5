//! Credentials for development and operations.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use integridai_tower::ConfigError;
use integridai_tower::auth::api_key::ApiKeyRecord;
use integridai_tower::auth::jwt::{Algorithm, Signer};
use serde_json::json;
use uuid::Uuid;

use super::access::hasher;
use crate::api::Scope;
use crate::config::{ApiKeyConfig, AuthConfig, IssuerConfig};
use crate::demo::Credentials;

/// What credentials are for.
#[derive(Debug, Clone)]
pub struct Grant {
    /// For whom.
    pub subject: String,
    /// What they allow.
    pub scopes: Vec<Scope>,
    /// For how long from now; API keys may be endless.
    pub lifetime: Option<Duration>,
}

/// A new API key.
#[derive(Clone)]
pub struct MintedKey {
    /// The key itself, for its owner.
    pub key: String,
    /// What the configuration has to say of it.
    pub record: ApiKeyConfig,
}

/// The label of keys of this gateway.
const LABEL: &str = "igd";

/// How long a token lives that nothing else is said of.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);

/// Makes an API key under the configuration's pepper.
///
/// # Errors
///
/// [`ConfigError`] when the pepper is too short, or the subject is empty.
pub fn mint_api_key(config: &AuthConfig, grant: &Grant) -> Result<MintedKey, ConfigError> {
    let hasher = hasher(config.api_key_pepper.as_ref())?;
    let (key, record) = ApiKeyRecord::issue(LABEL, &grant.subject, &hasher)?;
    let record = record.scopes(grant.scopes.iter().map(|scope| scope.as_str()));
    let record = match grant.lifetime {
        Some(lifetime) => record.expires_at(now().saturating_add(lifetime)),
        None => record,
    };
    Ok(MintedKey { key: key.expose().to_owned(), record: record.into() })
}

/// Lets somebody into a demonstration: a key and a token that allow everything for a day, under a secret of this
/// process alone.
///
/// # Errors
///
/// [`ConfigError`] when the system has no random numbers.
pub fn demo_credentials(config: &mut AuthConfig) -> Result<Credentials, ConfigError> {
    let grant = Grant {
        subject: "demo".to_owned(),
        scopes: Scope::ALL.to_vec(),
        lifetime: Some(Duration::from_secs(86_400)),
    };
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let issuer = IssuerConfig::shared_secret("integridai-demo", "integridai-gateway", &secret);
    config.issuers.insert("demo".to_owned(), issuer);
    let token = mint_token(config, Some("demo"), &grant)?;
    let minted = mint_api_key(config, &grant)?;
    config.api_keys.insert("demo".to_owned(), minted.record);
    Ok(Credentials { api_key: minted.key, token })
}

/// Signs a token as the issuer of this name would; without a name, as the only one that shares its secret.
///
/// # Errors
///
/// [`ConfigError`] when there is no such issuer, or its tokens are signed elsewhere.
pub fn mint_token(config: &AuthConfig, issuer: Option<&str>, grant: &Grant) -> Result<String, ConfigError> {
    let refused = |reason: &'static str| ConfigError::new("auth.issuers", reason);
    let issuer = match issuer {
        Some(name) => config.issuers.get(name).ok_or_else(|| refused("no issuer has this name"))?,
        None => {
            only_secret(config).ok_or_else(|| refused("not exactly one issuer has a secret; name one"))?
        }
    };
    let Some(secret) = &issuer.secret else {
        return Err(refused("this issuer's tokens are signed elsewhere: it has no secret here"));
    };
    let signer = Signer::hmac(Algorithm::Hs256, secret.expose().as_bytes());
    let signer = signer.map_err(|error| ConfigError::new("secret", error.to_string()))?;
    let now = now();
    let scopes: Vec<&str> = grant.scopes.iter().map(|scope| scope.as_str()).collect();
    let claims = json!({
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "sub": grant.subject,
        "scope": scopes.join(" "),
        "iat": now.as_secs(),
        "exp": now.saturating_add(grant.lifetime.unwrap_or(TOKEN_LIFETIME)).as_secs(),
        "jti": Uuid::now_v7().to_string(),
    });
    signer.sign(&claims).map_err(|error| ConfigError::new("token", error.to_string()))
}

fn only_secret(config: &AuthConfig) -> Option<&IssuerConfig> {
    let mut with_secret = config.issuers.values().filter(|issuer| issuer.secret.is_some());
    with_secret.next().filter(|_| with_secret.next().is_none())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl MintedKey {
    /// The section of the configuration.
    ///
    /// # Panics
    ///
    /// Never: a record has a TOML form.
    #[must_use]
    pub fn section(&self, name: &str) -> String {
        let sections = json!({ "auth": { "api_keys": { name: &self.record } } });
        toml::to_string(&sections).expect("strings, numbers and booleans only")
    }
}

impl std::fmt::Debug for MintedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MintedKey").field("record", &self.record).finish_non_exhaustive()
    }
}
