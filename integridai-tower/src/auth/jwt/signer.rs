//! Signs tokens: for development and tests.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::base64url::encode;
use super::key::Key;
use super::key_error::KeyError;
use super::pem;
use super::signing_key::{SigningKey, thumbprint};

/// Signs tokens, for development and tests. It is no authorization server: it decides nothing and keeps nothing.
///
/// ```
/// use std::time::Duration;
/// use integridai_tower::auth::jwt::{Algorithm, Issuer, KeySet, Signer, Validator};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let signer = Signer::generate(Algorithm::Es256)?;
/// let claims = serde_json::json!({ "iss": "dev", "aud": "api", "sub": "me", "exp": 1_700_000_300 });
/// let token = signer.sign(&claims)?;
///
/// let issuer = Issuer::new("dev").audience("api").keys(KeySet::new([signer.verifying_key()?])?);
/// let principal = Validator::new([issuer])?.verify(&token, Duration::from_secs(1_700_000_000))?;
/// assert_eq!(principal.subject(), "me");
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Signer {
    algorithm: Algorithm,
    key: SigningKey,
    id: Option<Box<str>>,
    token_type: Box<str>,
}

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The claims have no JSON form.
    #[error("claims without a JSON form")]
    Claims(#[source] serde_json::Error),
    /// The claims are not an object.
    #[error("claims that are not an object")]
    NotAnObject,
    /// The cryptography failed.
    #[error("signing failed")]
    Failed,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl Signer {
    /// Signs with a secret, for `HS256`, `HS384` or `HS512`. It has no id unless one is set.
    ///
    /// # Errors
    /// If the secret is shorter than the hash: 32, 48 or 64 bytes.
    pub fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        SigningKey::from_secret(algorithm, secret).map(|key| Self::new(algorithm, key))
    }

    /// Makes a new key, of 2048 bits for RSA. Its id is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// If the algorithm is one of secrets, which you make yourself, or the system has no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        SigningKey::generate(algorithm).map(|key| Self::new(algorithm, key))
    }

    /// Reads a private key in PEM, `PRIVATE KEY` (RFC 5208). Its id is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// If the text is not one such key, or not one of the algorithm.
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        match pem::decode(text)? {
            (pem::PRIVATE_KEY, der) => {
                SigningKey::from_der(algorithm, &der).map(|key| Self::new(algorithm, key))
            }
            _ => Err(KeyError::Unsupported),
        }
    }

    fn new(algorithm: Algorithm, key: SigningKey) -> Self {
        let id = key.public_members(algorithm).map(|members| thumbprint(&members).into());
        Self { algorithm, key, id, token_type: "JWT".into() }
    }

    /// The `kid` of its tokens.
    pub fn with_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The `typ` of its tokens; `JWT` unless set.
    pub fn with_type(mut self, media_type: impl Into<Box<str>>) -> Self {
        self.token_type = media_type.into();
        self
    }

    /// A token in compact form with these claims, as they are: nothing is added, not even an end.
    ///
    /// # Errors
    /// If they are not an object in JSON.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, SignError> {
        let claims = serde_json::to_vec(claims).map_err(SignError::Claims)?;
        if !claims.starts_with(b"{") {
            return Err(SignError::NotAnObject);
        }
        let header = Header { alg: self.algorithm.as_str(), typ: &self.token_type, kid: self.id.as_deref() };
        let header = serde_json::to_vec(&header).map_err(SignError::Claims)?;
        let mut token = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(token.as_bytes()).map_err(|_| SignError::Failed)?;
        token.push('.');
        token.push_str(&encode(signature));
        Ok(token)
    }

    /// The key that verifies what this one signs.
    ///
    /// # Errors
    /// If the key is too weak to be accepted.
    pub fn verifying_key(&self) -> Result<Key, KeyError> {
        let key = self.key.verifying(self.algorithm)?;
        Ok(match &self.id {
            Some(id) => key.with_id(id.clone()),
            None => key,
        })
    }

    /// The public key as a JWK (RFC 7517) with `alg`, `use` and `kid`; `None` for a secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<Value> {
        let mut jwk = self.key.public_members(self.algorithm)?;
        jwk["alg"] = self.algorithm.as_str().into();
        jwk["use"] = "sig".into();
        if let Some(id) = &self.id {
            jwk["kid"] = (**id).into();
        }
        Some(jwk)
    }

    /// The public key in PEM, as [`Key::from_pem`] reads it; `None` for a secret.
    #[must_use]
    pub fn public_pem(&self) -> Option<String> {
        self.key.public_der().map(|der| pem::encode(pem::PUBLIC_KEY, &der))
    }

    /// The **private** key in PEM, as [`from_pem`](Self::from_pem) reads it; `None` for a secret.
    #[must_use]
    pub fn private_pem(&self) -> Option<String> {
        self.key.private_der().map(|der| pem::encode(pem::PRIVATE_KEY, &der))
    }

    /// The only algorithm it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of its tokens.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
