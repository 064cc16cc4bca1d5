//! The store from outside: durability, order, bounds, databases that fail, one process per file.
mod buffer;
mod disk;
mod events;
mod executions;
mod fairness;
mod files;
mod homes;
mod outage;
mod process;
mod queue;
mod samples;
mod schema;
mod sharing;
mod spooled;
mod support;
mod values;
