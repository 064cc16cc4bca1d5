//! The gateway of the IntegridAI ecosystem as a library: what the binary runs, for tests and embedding.
//!
//! [`app::App`] builds the gateway from a [`config::Config`] and runs it; [`demo`] has the three services simulated.

pub mod admin;
pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod console;
pub mod demo;
pub mod events;
pub mod identity;
pub mod orchestration;
pub mod proxy;
pub mod respond;
pub mod server;
pub mod services;
pub mod stack;
pub mod store;
pub mod telemetry;
pub mod timestamp;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeExamples;
