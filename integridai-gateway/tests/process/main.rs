//! The gateway as a process: started, asked over real sockets, stopped, killed.
#![allow(missing_docs)]

mod command_line;
mod demo;
mod drains;
mod kills;
mod starts;
mod support;
