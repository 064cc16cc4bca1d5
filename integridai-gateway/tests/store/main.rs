//! The store from outside: durability, order, one process per file, bounds, and disks that fail.
mod buffer;
mod disk;
mod events;
mod executions;
mod files;
mod process;
mod queue;
mod samples;
