//! What would become of a request, in words.

use std::collections::BTreeMap;

use http::StatusCode;
use integridai_tower::Principal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::respond::Problem;
use crate::services::Standing;

/// What would become of a request.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Explanation {
    /// What the gateway would refuse it with; absent where it would be answered by the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 429)]
    pub(super) status: Option<u16>,
    /// The route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/v1/regtech/{*path}")]
    pub(super) template: Option<String>,
    /// The service that it would be passed on to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "regtech")]
    pub(super) service: Option<String>,
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) principal: Option<Asking>,
    /// What each layer says, from the outside; those behind the first refusal as if it had not been.
    layers: Vec<Finding>,
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Asking {
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    scopes: Vec<String>,
    roles: Vec<String>,
}

/// What one layer says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Finding {
    /// Which.
    #[schema(example = "authorization")]
    layer: &'static str,
    /// Whether it lets the request through.
    passes: bool,
    /// What it would answer otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// How the caller stands with each policy that is about the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<Standing>,
    /// What else it goes by.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    facts: BTreeMap<&'static str, Value>,
}

impl Explanation {
    /// The first refusal is the answer.
    pub(super) fn add(&mut self, finding: Finding) {
        self.status = self.status.or(finding.status);
        self.layers.push(finding);
    }
}

impl Finding {
    pub(super) fn of(layer: &'static str, verdict: Result<(), Problem>) -> Self {
        match verdict {
            Ok(()) => Self { passes: true, ..Self::silent(layer) },
            Err(problem) => Self::refusal(layer, problem.status(), Some(&problem)),
        }
    }

    pub(super) fn refusal(layer: &'static str, status: StatusCode, problem: Option<&Problem>) -> Self {
        let detail = problem.map(|problem| problem.detail().to_owned());
        Self { status: Some(status.as_u16()), detail, ..Self::silent(layer) }
    }

    pub(super) fn of_limits(layer: &'static str, limits: Vec<Standing>) -> Self {
        let is_refused = limits.iter().any(Standing::is_refusal);
        let status = is_refused.then_some(StatusCode::TOO_MANY_REQUESTS.as_u16());
        Self { passes: !is_refused, status, limits, ..Self::silent(layer) }
    }

    pub(super) fn with(mut self, name: &'static str, fact: impl Into<Value>) -> Self {
        self.facts.insert(name, fact.into());
        self
    }

    fn silent(layer: &'static str) -> Self {
        Self { layer, passes: false, status: None, detail: None, limits: Vec::new(), facts: BTreeMap::new() }
    }
}

impl From<&Principal> for Asking {
    fn from(principal: &Principal) -> Self {
        let owned = |text: &str| text.to_owned();
        Self {
            subject: principal.subject().to_owned(),
            issuer: principal.issuer().map(owned),
            tenant: principal.tenant().map(owned),
            scopes: principal.scopes().map(owned).collect(),
            roles: principal.roles().map(owned).collect(),
        }
    }
}
