//! The cache against its standards, over real sockets: client, a proxy with the layer, a scripted origin. Each case is
//! one behaviour and names the section that asks for it.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod case;
mod check;
mod client;
mod crowd;
mod date;
mod elsewhere;
mod known;
mod layer;
mod origin;
mod program;
mod progress;
mod proof;
mod proxy;
mod rig;
mod script;
mod shared;
mod suite;
#[path = "../support/mod.rs"]
mod support;
mod themes;
mod wire;
