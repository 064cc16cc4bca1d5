//! Private servers, shared with the tests of the workspace.
#![allow(dead_code, reason = "the tests of the workspace use the rest")]

#[path = "../../../../tests/support/port.rs"]
pub(crate) mod port;
#[path = "../../../../tests/support/postgres.rs"]
pub(crate) mod postgres;
#[path = "../../../../tests/support/program.rs"]
pub(crate) mod program;
#[path = "../../../../tests/support/redis.rs"]
pub(crate) mod redis;
#[path = "../../../../tests/support/server.rs"]
pub(crate) mod server;
