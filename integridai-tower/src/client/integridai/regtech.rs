//! RegTech Engine: provider compliance analysis.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::figure::{self, Child, Figure, Nested};
use super::{Analysis, RawJson, refusal};
use crate::BoxError;
use crate::client::{Call, Endpoint, Malformed, Refusal, ServiceClient};

/// A provider to analyse. Members that are not named here are sent on as they are.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Provider {
    /// The provider's name.
    pub name: String,
    /// The tax id, `NN-NNNNNNNN-N`.
    pub cuit: String,
    /// The sector; free text.
    pub sector: String,
    /// Everything else: `documents`, `contact_email`, `additional_data` and what may come. As text, because a number
    /// may have more digits than an `f64` holds.
    #[serde(flatten)]
    pub other: BTreeMap<String, Box<RawValue>>,
}

impl Provider {
    /// A provider with the three members that RegTech requires.
    #[must_use]
    pub fn new(name: impl Into<String>, cuit: impl Into<String>, sector: impl Into<String>) -> Self {
        Self { name: name.into(), cuit: cuit.into(), sector: sector.into(), other: BTreeMap::new() }
    }
}

impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        let texts = self.other.iter().map(|(name, value)| (name, value.get()));
        (&self.name, &self.cuit, &self.sector) == (&other.name, &other.cuit, &other.sector)
            && texts.eq(other.other.iter().map(|(name, value)| (name, value.get())))
    }
}

/// From JSON only. Not derived: a flattened map would be read through serde's buffer, which has no raw text.
impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut other = BTreeMap::<String, Box<RawValue>>::deserialize(deserializer)?;
        let mut text = |name: &'static str| {
            let value = other.remove(name).ok_or_else(|| D::Error::missing_field(name))?;
            serde_json::from_str(value.get())
                .map_err(|error| D::Error::custom(format_args!("{name}: {error}")))
        };
        let (name, cuit, sector) = (text("name")?, text("cuit")?, text("sector")?);
        Ok(Self { name, cuit, sector, other })
    }
}

/// The figures of RegTech's own dashboard.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ComplianceFigures {
    /// Providers analysed so far.
    pub total_providers: Option<f64>,
    /// Their mean compliance score, 0 to 100.
    pub avg_compliance_score: Option<f64>,
    /// Providers at high risk.
    pub high_risk_providers: Option<f64>,
    /// The answer as it came.
    pub raw: RawJson,
}

/// Where RegTech's endpoints are, below the base URL.
#[derive(Debug, Clone)]
#[must_use]
#[non_exhaustive]
pub struct RegTechPaths {
    /// `POST`; default `/analyze_provider`.
    pub analyze_provider: String,
    /// `GET`; default `/compliance_dashboard`.
    pub compliance_dashboard: String,
}

impl RegTechPaths {
    /// Another path for analyses.
    pub fn analyze_provider(mut self, path: impl Into<String>) -> Self {
        self.analyze_provider = path.into();
        self
    }

    /// Another path for the compliance figures.
    pub fn compliance_dashboard(mut self, path: impl Into<String>) -> Self {
        self.compliance_dashboard = path.into();
        self
    }
}

impl Default for RegTechPaths {
    fn default() -> Self {
        Self {
            analyze_provider: "/analyze_provider".into(),
            compliance_dashboard: "/compliance_dashboard".into(),
        }
    }
}

/// Client of RegTech Engine.
#[derive(Debug, Clone)]
#[must_use]
pub struct RegTechClient<S> {
    client: ServiceClient<S>,
    paths: RegTechPaths,
}

impl<S> RegTechClient<S> {
    /// A client with the default paths.
    pub fn new(client: ServiceClient<S>) -> Self {
        Self { client, paths: RegTechPaths::default() }
    }

    /// Other paths.
    pub fn paths(mut self, paths: RegTechPaths) -> Self {
        self.paths = paths;
        self
    }

    /// Has a provider analysed. Takes RegTech 0.5 to 30 s.
    pub fn analyze_provider<'a>(&'a self, provider: &'a Provider) -> Call<'a, S, AnalyzeProvider<'a>> {
        self.client.call(AnalyzeProvider { path: &self.paths.analyze_provider, provider })
    }

    /// Reads the compliance figures.
    pub fn compliance_dashboard(&self) -> Call<'_, S, ComplianceDashboard<'_>> {
        self.client.call(ComplianceDashboard { path: &self.paths.compliance_dashboard })
    }
}

/// `POST /analyze_provider`
#[derive(Debug)]
pub struct AnalyzeProvider<'a> {
    path: &'a str,
    provider: &'a Provider,
}

impl Endpoint for AnalyzeProvider<'_> {
    type Output = Analysis;
    const NAME: &'static str = "analyze_provider";

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Cow<'_, str> {
        self.path.into()
    }

    fn body(&self) -> Result<Option<Bytes>, BoxError> {
        Ok(Some(serde_json::to_vec(self.provider)?.into()))
    }

    fn decode(&self, body: Bytes) -> Result<Analysis, Malformed> {
        Analysis::read(&body)
    }

    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        refusal::read(body)
    }
}

/// `GET /compliance_dashboard`
#[derive(Debug)]
pub struct ComplianceDashboard<'a> {
    path: &'a str,
}

/// The running service nests the figures in `metrics`; the challenge has them flat, with shorter names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    total_providers: Figure,
    avg_compliance_score: Figure,
    avg_score: Figure,
    high_risk_providers: Figure,
    metrics: Child<Self>,
    data: Child<Self>,
}

impl Nested for Facts {
    fn children(&self) -> impl Iterator<Item = &Self> {
        [&self.metrics, &self.data].into_iter().filter_map(|child| child.0.as_deref())
    }
}

impl Endpoint for ComplianceDashboard<'_> {
    type Output = ComplianceFigures;
    const NAME: &'static str = "compliance_dashboard";

    fn path(&self) -> Cow<'_, str> {
        self.path.into()
    }

    fn decode(&self, body: Bytes) -> Result<ComplianceFigures, Malformed> {
        let (facts, raw): (Facts, _) = figure::keep(&body)?;
        let figures = ComplianceFigures {
            total_providers: facts.find(&|f: &Facts| f.total_providers.0),
            avg_compliance_score: facts.find(&|f: &Facts| f.avg_compliance_score.0.or(f.avg_score.0)),
            high_risk_providers: facts.find(&|f: &Facts| f.high_risk_providers.0),
            raw,
        };
        if figures.total_providers.is_none() && figures.avg_compliance_score.is_none() {
            return Err(Malformed::new("neither total_providers nor an average score in it"));
        }
        Ok(figures)
    }

    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        refusal::read(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Result<ComplianceFigures, Malformed> {
        ComplianceDashboard { path: "/" }.decode(Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn figures_nested_as_the_running_service_writes_them() {
        let figures = read(
            r#"{"success":true,"metrics":{"total_providers":120,"avg_compliance_score":74.2,
            "high_risk_providers":9,"analyses_24h":3},"recent_analyses":[]}"#,
        )
        .unwrap();
        assert_eq!((figures.total_providers, figures.avg_compliance_score), (Some(120.0), Some(74.2)));
        assert_eq!(figures.high_risk_providers, Some(9.0));
    }

    #[test]
    fn figures_flat_as_the_challenge_writes_them() {
        let figures = read(r#"{"total_providers":5,"avg_score":61}"#).unwrap();
        assert_eq!((figures.total_providers, figures.avg_compliance_score), (Some(5.0), Some(61.0)));
    }

    #[test]
    fn an_answer_without_figures_is_malformed() {
        assert!(read("{}").is_err());
        assert!(read(r#"{"metrics":[]}"#).is_err());
    }

    #[test]
    fn unknown_members_of_a_provider_are_sent_on() {
        let text = r#"{"name":"n","cuit":"30-12345678-9","sector":"s","documents":["a"],"later":{"x":1.50,"y":12345678901234567890123},"share":0.1000000000000000055511151231257827}"#;
        let provider: Provider = serde_json::from_str(text).unwrap();
        let body = AnalyzeProvider { path: "/", provider: &provider }.body().unwrap().unwrap();
        assert_eq!(body, text);
        assert_eq!(provider, serde_json::from_str(text).unwrap());
        assert_ne!(provider, Provider::new("n", "30-12345678-9", "s"));
    }

    #[test]
    fn what_is_no_provider_says_what_is_wrong() {
        let error = |text| serde_json::from_str::<Provider>(text).unwrap_err().to_string();
        assert!(error(r#"{"name":"n","cuit":"c"}"#).contains("missing field `sector`"));
        assert!(error(r#"{"name":7,"cuit":"c","sector":"s"}"#).contains("name: invalid type"));
    }
}
