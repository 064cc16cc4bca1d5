//! The rate limits, for operators to see, and to give somebody back what they have used.

use std::net::SocketAddr;
use std::time::Duration;

use http::request;
use integridai_tower::Principal;
use integridai_tower::rate_limit::{Outcome, RequestHead, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::{PolicyKey, QuotaConfig};
use crate::server::PeerAddr;
use crate::stack::{Limits, Policy, Tier};

/// One policy.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LimitStatus {
    /// Its name, or that of the route that it is of.
    #[schema(example = "execute")]
    policy: String,
    /// Whose quota a request is charged to: `address`, `principal`, `tenant` or `api_key`.
    #[schema(value_type = String, example = "address")]
    by: PolicyKey,
    /// What is allowed, for principals of a role and for all others.
    tiers: Vec<TierStatus>,
}

/// What is allowed to some.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct TierStatus {
    /// Absent for all who have none of the other roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// All of them hold.
    #[schema(value_type = Vec<Object>, example = json!([{"limit": 10, "period_seconds": 60}]))]
    quotas: Vec<QuotaConfig>,
    /// Keys that are kept; absent where a Redis counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<usize>,
}

/// How somebody stands with a policy.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Standing {
    /// The policy.
    #[schema(example = "execute")]
    policy: String,
    /// The role by which the quotas were chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// What one more request would be: `admitted`, `refused`, or `unlimited`, for there is nothing to count it by.
    #[schema(example = "admitted")]
    verdict: &'static str,
    /// How many more would be admitted now.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u32>,
    /// In how many seconds all of the quota is back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_after_seconds: Option<f64>,
    /// In how many seconds one that is refused would be admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<f64>,
    /// Whether it was decided without the Redis that counts for all gateways.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    without_redis: bool,
}

/// Whose quota: what a request would have brought along.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Of the client, as the gateway sees it.
    pub address: Option<SocketAddr>,
    /// Who asks.
    pub principal: Option<Principal>,
}

/// Why a quota was not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReset {
    /// There is nothing to count such requests by.
    #[error("the policy counts by something that was not named")]
    NoKey,
    /// It is counted in a Redis that does not answer.
    #[error("the Redis that counts does not answer")]
    NoRedis,
}

/// Each policy.
#[must_use]
pub fn limit_statuses(limits: &Limits) -> Vec<LimitStatus> {
    let tier = |policy: &Policy, (tier, quotas): (Tier, &[QuotaConfig])| TierStatus {
        role: policy.role(tier).map(str::to_owned),
        quotas: quotas.to_vec(),
        keys: limits.keys(&policy.counter(tier)),
    };
    let status = |policy: &Policy| LimitStatus {
        policy: policy.name().to_owned(),
        by: policy.config().by,
        tiers: policy.tiers().map(|of_tier| tier(policy, of_tier)).collect(),
    };
    limits.policies().map(status).collect()
}

/// How they stand with the policy of this name; nothing is charged. `None` where there is none.
pub async fn standing(limits: &Limits, policy: &str, counted: Counted) -> Option<Standing> {
    let policy = limits.policies().find(|known| known.name() == policy)?;
    let parts = counted.into_parts();
    let request = RequestHead::from(&parts);
    Some(weigh(limits, policy, policy.tier_of(&request), &request).await)
}

/// What the policy says of a request that is in this tier; nothing is charged.
pub async fn weigh(limits: &Limits, policy: &Policy, tier: Tier, request: &RequestHead<'_>) -> Standing {
    let verdict = match policy.key(request) {
        Some(key) => limits.inspect(&policy.counter(tier), &key).await,
        None => None,
    };
    Standing::of(policy, tier, verdict)
}

/// Gives them their full quota of the policy of this name, in every tier. `None` where there is none.
///
/// # Errors
///
/// [`NotReset`]: it is as it was.
pub async fn reset_limit(limits: &Limits, policy: &str, counted: Counted) -> Option<Result<(), NotReset>> {
    let policy = limits.policies().find(|known| known.name() == policy)?;
    let parts = counted.into_parts();
    let Some(key) = policy.key(&RequestHead::from(&parts)) else { return Some(Err(NotReset::NoKey)) };
    for (tier, _) in policy.tiers() {
        if limits.reset(&policy.counter(tier), &key).await == Some(false) {
            return Some(Err(NotReset::NoRedis));
        }
    }
    Some(Ok(()))
}

impl Counted {
    fn into_parts(self) -> request::Parts {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        self.address.map(|address| parts.extensions.insert(PeerAddr(address)));
        self.principal.map(|principal| parts.extensions.insert(principal));
        parts
    }
}

impl Standing {
    /// Whether one more request would not pass.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.verdict == "refused"
    }

    fn of(policy: &Policy, tier: Tier, verdict: Option<Verdict>) -> Self {
        let standing = verdict.as_ref().and_then(Verdict::standing);
        // What costs nothing is admitted even where nothing is left.
        let is_left = standing.is_none_or(|standing| standing.remaining > 0);
        let told = match verdict.as_ref().map(Verdict::outcome) {
            None => "unlimited",
            Some(Outcome::Admitted { .. }) if is_left => "admitted",
            Some(_) => "refused",
        };
        let seconds = |time: Duration| time.as_secs_f64();
        Self {
            policy: policy.name().to_owned(),
            role: policy.role(tier).map(str::to_owned),
            verdict: told,
            remaining: standing.map(|standing| standing.remaining),
            reset_after_seconds: standing.map(|standing| seconds(standing.reset_after)),
            retry_after_seconds: verdict.as_ref().and_then(Verdict::retry_after).map(seconds),
            without_redis: verdict.is_some_and(|verdict| verdict.is_without_store()),
        }
    }
}
