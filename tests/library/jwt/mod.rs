//! Tokens: what is accepted, and everything that is not, each for its reason.

mod accepted;
mod claims;
mod forge;
mod form;
mod jwks;
mod keys;
mod properties;
mod signatures;
mod vectors;
