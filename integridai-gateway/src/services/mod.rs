//! What the gateway knows beyond single calls: consolidated metrics and its own traffic.
//!
//! # How a service is
//!
//! | status | when it was last asked for its figures |
//! | --- | --- |
//! | `online` | it answered well, within `metrics.slow_seconds` |
//! | `degraded` | it answered more slowly, or with an error or something malformed; or it did not answer in time or broke off, but its last good answer is younger than `metrics.offline_after_seconds` |
//! | `offline` | there was no connection; or no answer, and no good one for that long |
//!
//! The figures of a service that could not be asked are its last good ones, and it is listed in `stale`.

mod business;
mod calls;
mod connections;
mod consolidated;
mod exchanges;
mod figures;
mod gather;
mod issuer_keys;
mod kept_answers;
mod known;
mod limits;
mod protection;
mod publishers;
mod redis_health;
mod reloads;
mod report;
mod snapshot;
mod standing;
mod status;
mod tickets;
mod traffic;
mod upstreams;

pub use business::BusinessMetrics;
pub use calls::Calls;
pub use connections::{Connection, Connections, TooManyConnections, end_of};
pub use consolidated::{Consolidated, Unavailable};
pub use exchanges::Exchanges;
pub use figures::Figures;
pub use gather::Sources;
pub use issuer_keys::{IssuerKeys, KeysHealth};
pub use kept_answers::{Chosen, KEPT_ORIGIN, KeptAnswers, KeptIn};
pub use known::StaleFigures;
pub use limits::{Counted, LimitStatus, NotReset, Standing, limit_statuses, reset_limit, standing, weigh};
pub use protection::{Command, Protection, ProtectionStatus};
pub use publishers::{ForeignSource, Publishers, UnclearUser};
pub use redis_health::RedisHealth;
pub use reloads::{AskForReload, InForce, NotReloaded, Reloaded, Reloads};
pub use report::{Reporter, SystemAlert};
pub use snapshot::{ConsolidatedMetrics, Snapshot, SystemHealth};
pub use standing::ServiceStanding;
pub use status::{HealthRule, Outcome, ServiceStatus};
pub use tickets::{NoTicket, Tickets};
pub use traffic::{PerformanceMetrics, Traffic};
pub use upstreams::{UpstreamStatus, upstream_statuses};
