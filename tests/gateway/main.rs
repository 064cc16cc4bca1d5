//! The gateway in process, over real sockets: every endpoint, and every way in which its services fail. What each
//! answer looks like is held against the OpenAPI document as it comes.

mod access;
mod admin;
mod analysis;
mod bodies;
mod cancelling;
mod consolidated;
mod correlation;
mod dashboard_failures;
mod disk;
mod docs;
mod draining;
mod executions;
mod health;
mod idempotency;
mod issuer_keys;
mod kept;
mod kept_principals;
mod load;
mod monitoring;
mod open_paths;
mod openapi;
mod own_workflow;
mod preferences;
mod protocols;
mod rate_limits;
mod rate_limits_config;
mod rate_limits_shared;
mod realtime;
mod records;
mod regtech_failures;
mod resilience;
mod restart;
mod retries;
#[path = "../support/mod.rs"]
mod servers;
mod service_status;
mod subscriber_limits;
mod subscribers;
mod support;
mod takeover;
mod tickets;
mod training;
mod triggers;
mod validation;
