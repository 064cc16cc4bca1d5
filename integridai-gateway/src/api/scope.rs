//! What a principal may be allowed to do.

/// A scope (RFC 6749 §3.3). A principal needs that of the route, or `admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Have workflows done, and ask how they went.
    WorkflowsExecute,
    /// See figures.
    MetricsRead,
    /// Follow events.
    EventsRead,
    /// Publish events.
    EventsWrite,
    /// Whatever RegTech Engine offers, passed on as it comes.
    ProxyRegtech,
    /// Whatever FLAISimulator offers.
    ProxyFlaisimulator,
    /// Whatever Dashboard offers.
    ProxyDashboard,
    /// Everything.
    Admin,
}

/// The text names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}", Scope::ALL.map(Scope::as_str).join(", "))]
pub struct UnknownScope;

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::WorkflowsExecute,
        Self::MetricsRead,
        Self::EventsRead,
        Self::EventsWrite,
        Self::ProxyRegtech,
        Self::ProxyFlaisimulator,
        Self::ProxyDashboard,
        Self::Admin,
    ];

    /// As tokens and configurations spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkflowsExecute => "workflows:execute",
            Self::MetricsRead => "metrics:read",
            Self::EventsRead => "events:read",
            Self::EventsWrite => "events:write",
            Self::ProxyRegtech => "proxy:regtech",
            Self::ProxyFlaisimulator => "proxy:flaisimulator",
            Self::ProxyDashboard => "proxy:dashboard",
            Self::Admin => "admin",
        }
    }
}
