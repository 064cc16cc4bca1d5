//! JSON Web Tokens.

mod algorithm;
mod base64url;
mod jwk;
mod jwks;
mod key;
mod key_error;
mod key_set;
mod pem;
mod provide_keys;
mod verifier;

pub use algorithm::Algorithm;
pub use jwks::{JwksReader, Loaded, Skipped};
pub use key::Key;
pub use key_error::{JwksError, KeyError};
pub use key_set::KeySet;
pub use provide_keys::ProvideKeys;
