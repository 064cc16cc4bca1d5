//! API keys: a public id and a secret, of which only a digest is kept.
//!
//! A key reads `igd_5hQbXr0Kd2Wz_…`: a label, an id of 12 characters, a secret of 43 (256 bits of entropy) and
//! a checksum of 6, all base62. Label and id are public: logs and audit rows may name them, and scanners for leaked
//! secrets find keys by label, form and checksum. Nothing but an HMAC-SHA-256 under a pepper of yours is kept of a key,
//! or its SHA-256 where there is no pepper; a random secret of that size needs no slow hash.
//!
//! Caches on the way know `Authorization`, and do not share what was answered to it (RFC 9111 §3.5). They do not know
//! `X-API-Key`: a service behind that field says `Cache-Control: private` itself.
//!
//! ```
//! use std::time::Duration;
//!
//! use integridai_tower::auth::AuthenticateLayer;
//! use integridai_tower::auth::api_key::{ApiKeyHasher, ApiKeyRecord, ApiKeyRing, ApiKeys};
//!
//! let hasher = ApiKeyHasher::peppered(&[7; 32])?; // in earnest, 32 random bytes that the store does not have
//! let (key, record) = ApiKeyRecord::issue("igd", "billing", &hasher)?;
//! println!("shown once: {}", key.expose());
//! let record = record.tenant("acme").scopes(["metrics:read"]).expires_at(Duration::from_secs(1_900_000_000));
//!
//! let ring = ApiKeyRing::new([record])?;
//! let layer = AuthenticateLayer::new(ApiKeys::new(ring.clone(), hasher));
//! ring.remove(key.id()); // and is known no longer
//! # let _ = layer;
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

mod authenticator;
mod digest;
mod key;
mod record;
mod ring;

pub use authenticator::ApiKeys;
pub use digest::ApiKeyHasher;
pub use key::{ApiKey, InvalidApiKey};
pub use record::ApiKeyRecord;
pub use ring::{ApiKeyRing, FindApiKey};
