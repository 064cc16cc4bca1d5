//! The gateway in process, over real sockets: every endpoint, and every way in which its services fail. What each
//! answer looks like is held against the OpenAPI document as it comes.

mod analysis;
mod bodies;
mod correlation;
mod dashboard_failures;
mod load;
mod regtech_failures;
mod support;
mod training;
mod validation;
