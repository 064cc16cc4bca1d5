//! The gateway as a process: started, asked over real sockets, stopped, killed.
#![allow(missing_docs)]

mod abuse;
mod command_line;
mod demo;
mod disk;
mod drains;
mod faults;
mod kills;
mod logs;
mod memory;
mod starts;
mod support;
