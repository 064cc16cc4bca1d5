//! JSON Web Tokens.

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
