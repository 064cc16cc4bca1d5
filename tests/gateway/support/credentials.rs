//! What a caller proves itself with, at a gateway that asks for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use integridai_gateway::api::Scope;
use integridai_gateway::app::{self, Grant};
use integridai_gateway::config::AuthConfig;
use integridai_tower::auth::jwt::{Algorithm, Signer};
use serde_json::{Value, json};

use super::gateway::{Gateway, Settings};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const ISSUER: &str = "https://id.test";
const AUDIENCE: &str = "integridai-gateway";

/// A gateway that trusts one issuer, and takes the key of `console`, which may see figures.
pub(crate) struct Guarded {
    pub(crate) gateway: Gateway,
    pub(crate) api_key: String,
}

impl Guarded {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(others: Settings<'_>) -> Self {
        let (api_key, sections) = api_keys();
        let issuers =
            format!(r#"{{test = {{issuer = "{ISSUER}", audience = ["{AUDIENCE}"], secret = "{SECRET}"}}}}"#);
        let mut settings =
            vec![("AUTH__DISABLED", "false"), ("AUTH__ISSUERS", &*issuers), ("AUTH__API_KEYS", &*sections)];
        settings.extend(others);
        Self { gateway: Gateway::with(&settings).await, api_key }
    }
}

/// The key of `console`, which may see figures, and what the configuration says of it.
pub(crate) fn api_keys() -> (String, String) {
    let grant = Grant { subject: "console".to_owned(), scopes: vec![Scope::MetricsRead], lifetime: None };
    let minted = app::mint_api_key(&AuthConfig::default(), &grant).expect("a key");
    let record = toml::Value::try_from(minted.record.record()).expect("it has a TOML form");
    let sections = toml::Table::from_iter([("console".to_owned(), record)]);
    (minted.key, toml::Value::Table(sections).to_string())
}

pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

/// The claims of a good token.
pub(crate) fn claims(scope: &str) -> Value {
    let (iat, exp) = (now().as_secs(), now().as_secs() + 600);
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "scope": scope, "iat": iat, "exp": exp})
}

/// As the issuer would sign it.
pub(crate) fn signed(claims: &Value) -> String {
    let signer = Signer::hmac(Algorithm::Hs256, SECRET.as_bytes()).expect("a long secret");
    signer.sign(claims).expect("an object")
}

pub(crate) fn token(scope: &str) -> String {
    signed(&claims(scope))
}
