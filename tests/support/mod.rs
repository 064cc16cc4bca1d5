//! What the tests stand on: an inner service that watches the layer above it, and private servers.
#![allow(dead_code, reason = "each test crate uses a part of it")]

pub(crate) mod port;
pub(crate) mod postgres;
pub(crate) mod probe;
pub(crate) mod program;
pub(crate) mod redis;
pub(crate) mod server;
