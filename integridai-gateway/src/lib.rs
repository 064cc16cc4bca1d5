//! The gateway of the IntegridAI ecosystem as a library: what the binary runs, for tests and embedding.
pub mod api;
pub mod config;
pub mod demo;
pub mod events;
pub mod orchestration;
pub mod server;
pub mod services;
pub mod stack;
pub mod store;
pub mod telemetry;
