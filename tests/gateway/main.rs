//! The gateway in process, over real sockets: every endpoint, and every way in which its services fail. What each
//! answer looks like is held against the OpenAPI document as it comes.

mod access;
mod admin;
mod analysis;
mod bodies;
mod consolidated;
mod correlation;
mod dashboard_failures;
mod disk;
mod docs;
mod draining;
mod event_log;
mod executions;
mod health;
mod issuer_keys;
mod kept;
mod kept_principals;
mod kept_shared;
mod load;
mod monitoring;
mod open_paths;
mod openapi;
mod protocols;
mod publishing;
mod rate_limits;
mod rate_limits_config;
mod rate_limits_shared;
mod realtime;
mod records;
mod regtech_failures;
mod replicas;
mod resilience;
mod restart;
mod resuming;
mod retries;
mod script_client;
#[path = "../support/mod.rs"]
mod servers;
mod service_status;
mod subscriber_limits;
mod subscribers;
mod support;
mod tickets;
mod training;
mod validation;
