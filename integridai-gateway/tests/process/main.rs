//! The gateway as a process: started, asked over real sockets, stopped, killed.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
#![allow(clippy::print_stdout, reason = "a seed or a figure, shown when a test fails")]

mod abuse;
mod access;
mod balanced;
#[cfg(feature = "tls")]
#[path = "../support/certificates.rs"]
mod certificates;
mod command_line;
#[cfg(feature = "postgres")]
mod database;
mod demo;
mod disk;
mod drains;
mod faults;
mod figures;
mod held;
#[cfg(feature = "tls")]
mod https;
mod kills;
mod logs;
mod memory;
#[cfg(feature = "postgres")]
mod monitoring;
mod operators;
mod passing;
mod readme;
mod reloads;
mod restarts;
#[cfg(feature = "postgres")]
mod servers;
#[cfg(feature = "postgres")]
mod sharing;
mod starts;
mod support;
#[cfg(feature = "postgres")]
mod tickets;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "otlp")]
mod traces;
