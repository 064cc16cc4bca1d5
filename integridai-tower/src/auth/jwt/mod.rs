//! JSON Web Tokens: who a token speaks for, or the reason why it speaks for nobody.
//!
//! A [`Validator`] knows the [`Issuer`]s that are trusted, and each issuer its keys and what is asked of its tokens.
//! Everything here is plain computation: bytes and a time go in, a [`Principal`](crate::Principal) or a
//! [`Reason`](crate::auth::Reason) comes out. Nothing is fetched, cached or logged.
//!
//! # What is accepted
//! A JWS in compact form (RFC 7515 §7.1) with JSON claims (RFC 7519), signed with `HS256/384/512`, `RS256/384/512`,
//! `PS256/384/512`, `ES256/384/512` or `EdDSA` on Ed25519, of which
//!
//! * `iss` is a trusted issuer, `aud` holds one of its audiences, and `exp` is there and has not passed;
//! * `nbf` and `iat` do not lie in the future, with 60 s of leeway for clocks, or what you set;
//! * `typ` is `JWT`, `at+jwt` or absent, or the one that you [require](Issuer::required_type);
//! * `sub`, or the claim that you name, is a string.
//!
//! What the issuer's settings can give up is named so that it is found in a review:
//! [`dangerous_accept_any_audience`](Issuer::dangerous_accept_any_audience),
//! [`dangerous_accept_without_expiry`](Issuer::dangerous_accept_without_expiry), [`dangerous_any`](Issuer::dangerous_any).
//!
//! # What is refused
//! In this order, each with its reason (RFC 8725 is where most of them come from):
//!
//! | step | what |
//! | --- | --- |
//! | size | more than 8 KiB, or [what you set](Validator::max_bytes), before anything is decoded |
//! | form | other than three parts; padding, line breaks, bits behind the last byte; text that is not UTF-8; JSON with a member twice, at any depth, or nested more than 16 deep |
//! | header | `none`; `crit` and `b64`, since no extension is understood; `cty: JWT` and encryption; `jwk`, `jku`, `x5u`, `x5c` |
//! | issuer | unknown `iss`. It chooses the keys, and is the only claim that is looked at before the signature |
//! | type, algorithm, key | not those of the issuer. A [`Key`] is of one algorithm, so that the token cannot choose |
//! | signature | of ECDSA only the two numbers side by side, each in its range |
//! | times, audience, subject | see above |
//!
//! RFC 7515 lets a verifier ignore keys that a token brings along. They are refused here, because who sends them hopes that
//! somebody uses them; for issuers that always do there is [`ignore_embedded_keys`](Issuer::ignore_embedded_keys).
//!
//! Keys are refused when they are made: RSA below 2048 or above 8192 bits, secrets shorter than their hash, points that are
//! not on their curve or of small order, the text of a public key as a secret ([`KeyError`]).
//!
//! # What it does not do
//! Fetch keys: a [`JwksReader`] reads what was fetched, and [`ProvideKeys`] takes keys that change. Revoke: keep `jti` with
//! [`keep_claim`](Issuer::keep_claim) and look it up. Remember what it verified; and then nothing may be remembered by the
//! signature, since ECDSA has two for every token. Encrypted tokens, certificates and Ed448 are not supported.
//!
//! # Examples
//! Access tokens of one issuer, whose public key is at hand:
//! ```
//! use std::time::Duration;
//! use integridai_tower::auth::Reason;
//! use integridai_tower::auth::jwt::{Algorithm, Issuer, Key, KeySet, Validator};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::from_pem(
//!     Algorithm::EdDsa,
//!     "-----BEGIN PUBLIC KEY-----\n\
//!      MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
//!      -----END PUBLIC KEY-----\n",
//! )?;
//! let issuer = Issuer::new("https://login.example/").audience("https://api.example/").keys(KeySet::new([key])?);
//! let validator = Validator::new([issuer])?;
//!
//! let now = Duration::from_secs(1_700_000_000);
//! assert_eq!(validator.verify("eyJhbGciOiJub25lIn0.e30.", now), Err(Reason::Unsecured));
//! # Ok(())
//! # }
//! ```
//! Two issuers: one whose keys are a JWK Set and whose roles stand where Keycloak puts them, and the command line of the
//! team, with a secret:
//! ```
//! use std::time::Duration;
//! use integridai_tower::auth::jwt::{Algorithm, Issuer, Key, KeySet, Validator};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let fetched = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
//! # let secret = [7; 32];
//! let loaded = KeySet::from_jwks(fetched)?;
//! for skipped in &loaded.skipped {
//!     eprintln!("key {:?}: {}", skipped.id, skipped.error);
//! }
//! let people = Issuer::new("https://login.example/realms/staff")
//!     .audience("gateway")
//!     .keys(loaded.keys)
//!     .algorithms([Algorithm::EdDsa, Algorithm::Es256])
//!     .required_type("at+jwt")
//!     .max_age(Duration::from_secs(3600))
//!     .roles_claim(["realm_access", "roles"])
//!     .tenant_claim("org")
//!     .keep_claim("jti");
//! let programs = Issuer::new("team-cli")
//!     .audience("gateway")
//!     .keys(KeySet::new([Key::hmac(Algorithm::Hs256, &secret)?])?)
//!     .leeway(Duration::ZERO);
//! let validator = Validator::new([people, programs])?;
//! # assert_eq!(validator.issuers().count(), 2);
//! # Ok(())
//! # }
//! ```
//! [`Signer`] makes tokens for development and tests.

mod algorithm;
mod base64url;
mod claims;
mod compact;
mod header;
mod issuer;
mod json;
mod jwk;
mod jwks;
mod key;
mod key_error;
mod key_set;
mod mapping;
mod pem;
mod provide_keys;
mod signer;
mod signing_key;
mod validator;
mod verifier;

pub use algorithm::Algorithm;
pub use issuer::Issuer;
pub use jwks::{JwksReader, Loaded, Skipped};
pub use key::Key;
pub use key_error::{JwksError, KeyError};
pub use key_set::KeySet;
pub use mapping::ClaimPath;
pub use provide_keys::{ProvideKeys, Reload};
pub use signer::{SignError, Signer};
pub use validator::{Validator, Verified};
