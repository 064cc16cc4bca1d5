//! Bearer tokens that are JWTs: what was verified lately is remembered, what was revoked is not let in.

mod cache;
mod revocation;
mod verifier;

pub use revocation::{CheckRevocation, RevocationList, RevocationListFull, TokenFacts};
pub use verifier::TokenVerifier;
