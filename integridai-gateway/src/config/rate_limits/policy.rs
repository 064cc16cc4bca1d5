//! `[rate_limits.policies.NAME]`

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{Count, Seconds};

/// One limit: on whom, on which routes, and how much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// Whose quota a request is charged to.
    pub by: PolicyKey,
    /// Templates of the routes, which share the quotas; none: all routes, and unknown paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// The methods; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<LimitedMethod>,
    /// What is allowed: all of these hold.
    pub quotas: Vec<QuotaConfig>,
    /// Whether each gateway takes blocks of what Redis has ahead, and asks it only for those.
    #[serde(default)]
    pub leases: bool,
    /// What is allowed instead to principals with a role; of several roles, the first that is written here.
    #[serde(default, skip_serializing_if = "Tiers::is_empty")]
    pub tiers: Tiers,
}

/// Whose quota a request is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKey {
    /// The client's address (of IPv6 the first 64 bits).
    Address,
    /// Issuer and subject.
    Principal,
    /// The principal's tenant; who has none is limited by issuer and subject.
    Tenant,
    /// The API key; who came with something else is limited by issuer and subject.
    ApiKey,
}

/// A method that routes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LimitedMethod {
    /// With it `HEAD`, and `CONNECT`, which opens a WebSocket over HTTP/2.
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

/// So much per period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    /// How many come back per period.
    pub limit: Count,
    /// The period.
    pub period_seconds: Seconds,
    /// How many may come at once; the limit unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Count>,
}

/// Quotas by role, in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tiers(Vec<(String, Vec<QuotaConfig>)>);

const MAX_TIERS: usize = 8;
const MAX_ROUTES: usize = 64;
const MAX_QUOTAS: usize = integridai_tower::rate_limit::MAX_QUOTAS;

/// Names stand in header fields and in keys of Redis.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    (1..=24).contains(&text.len()) && text.bytes().all(fits)
}

impl PolicyConfig {
    /// As published: 10 per minute and address.
    pub(super) fn published() -> Self {
        let quota = QuotaConfig {
            limit: Count::new(10),
            period_seconds: Seconds::new(60),
            burst: Some(Count::new(10)),
        };
        Self {
            by: PolicyKey::Address,
            routes: vec!["/api/v1/gateway/execute".to_owned()],
            methods: vec![LimitedMethod::Post],
            quotas: vec![quota],
            leases: false,
            tiers: Tiers::default(),
        }
    }

    pub(in crate::config) fn contradiction(&self) -> Option<&'static str> {
        let all = || std::iter::once(&self.quotas).chain(self.tiers.iter().map(|(_, quotas)| quotas));
        if all().any(|quotas| quotas.is_empty() || quotas.len() > MAX_QUOTAS) {
            return Some("expected 1 to 4 quotas, and so in each tier");
        }
        if self.routes.len() > MAX_ROUTES {
            return Some("at most 64 routes; none means all");
        }
        let by_address = self.by == PolicyKey::Address && !self.tiers.is_empty();
        by_address
            .then_some("an address has no roles: tiers need by = \"principal\", \"tenant\" or \"api_key\"")
    }
}

impl Tiers {
    /// Role and quotas.
    pub fn iter(&self) -> impl Iterator<Item = &(String, Vec<QuotaConfig>)> {
        self.0.iter()
    }

    /// Whether all principals are alike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Tiers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Tiers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("quotas by role")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tiers, A::Error> {
                let mut tiers = Vec::new();
                while let Some(tier) = map.next_entry::<String, _>()? {
                    if !is_name(&tier.0) || tiers.len() == MAX_TIERS {
                        let expected = "at most 8 roles of 1 to 24 of a-z, A-Z, 0-9, `_`, `-`, `.` and `:`";
                        return Err(A::Error::custom(expected));
                    }
                    tiers.push(tier);
                }
                Ok(Tiers(tiers))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Tiers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(role, quotas)| (role, quotas)))
    }
}
