//! Dashboard: the unified figures of the ecosystem.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use super::figure::{self, Child, Figure, Nested};
use super::{JsonObject, RawJson, refusal};
use crate::BoxError;
use crate::client::{Call, Endpoint, Malformed, Refusal, ServiceClient};

/// What the Dashboard is told.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum MetricsUpdate<'a> {
    /// RegTech's answer to an analysis, as it came.
    ProviderAnalysis(&'a RawJson),
    /// A training session.
    TrainingUpdate(&'a RawJson),
}

/// The Dashboard's own figures.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DashboardFigures {
    /// Providers known.
    pub total_providers: Option<f64>,
    /// Providers at high risk.
    pub high_risk_providers: Option<f64>,
    /// Providers that comply, in percent.
    pub compliance_rate: Option<f64>,
    /// Trainings that were completed, in percent.
    pub completion_rate: Option<f64>,
    /// The mean score of trainings, in percent.
    pub avg_training_score: Option<f64>,
    /// The answer as it came.
    pub raw: RawJson,
}

/// Where the Dashboard's endpoints are, below the base URL.
#[derive(Debug, Clone)]
#[must_use]
#[non_exhaustive]
pub struct DashboardPaths {
    /// `POST`; default `/api/update_metrics`.
    pub update_metrics: String,
    /// `GET`; default `/api/v1/dashboard/metrics`.
    pub metrics: String,
}

impl DashboardPaths {
    /// Another path for updates.
    pub fn update_metrics(mut self, path: impl Into<String>) -> Self {
        self.update_metrics = path.into();
        self
    }

    /// Another path for the figures.
    pub fn metrics(mut self, path: impl Into<String>) -> Self {
        self.metrics = path.into();
        self
    }
}

impl Default for DashboardPaths {
    fn default() -> Self {
        Self { update_metrics: "/api/update_metrics".into(), metrics: "/api/v1/dashboard/metrics".into() }
    }
}

/// Client of the Dashboard.
#[derive(Debug, Clone)]
#[must_use]
pub struct DashboardClient<S> {
    client: ServiceClient<S>,
    paths: DashboardPaths,
}

impl<S> DashboardClient<S> {
    /// A client with the default paths.
    pub fn new(client: ServiceClient<S>) -> Self {
        Self { client, paths: DashboardPaths::default() }
    }

    /// Other paths.
    pub fn paths(mut self, paths: DashboardPaths) -> Self {
        self.paths = paths;
        self
    }

    /// Tells the Dashboard; `timestamp` is RFC 3339.
    pub fn update_metrics<'a>(
        &'a self,
        update: MetricsUpdate<'a>,
        timestamp: &'a str,
    ) -> Call<'a, S, UpdateMetrics<'a>> {
        self.client.call(UpdateMetrics { path: &self.paths.update_metrics, update, timestamp })
    }

    /// Reads the Dashboard's figures.
    pub fn metrics(&self) -> Call<'_, S, DashboardMetrics<'_>> {
        self.client.call(DashboardMetrics { path: &self.paths.metrics })
    }
}

/// `POST /api/update_metrics`
#[derive(Debug)]
pub struct UpdateMetrics<'a> {
    path: &'a str,
    update: MetricsUpdate<'a>,
    timestamp: &'a str,
}

/// For names and the timestamp.
const ROOM_FOR_THE_REST: usize = 80;

impl Endpoint for UpdateMetrics<'_> {
    type Output = ();
    const NAME: &'static str = "update_metrics";

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Cow<'_, str> {
        self.path.into()
    }

    fn body(&self) -> Result<Option<Bytes>, BoxError> {
        let (name, value) = match self.update {
            MetricsUpdate::ProviderAnalysis(analysis) => ("provider_analysis", analysis),
            MetricsUpdate::TrainingUpdate(session) => ("training_update", session),
        };
        let room = value.as_bytes().len() + ROOM_FOR_THE_REST;
        let body = JsonObject::with_capacity(room).json(name, value).member("timestamp", self.timestamp)?;
        Ok(Some(body.end().to_bytes()))
    }

    /// The body is optional and says nothing beyond the status, unless it is a refusal.
    fn decode(&self, _: Bytes) -> Result<(), Malformed> {
        Ok(())
    }

    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        refusal::read(body)
    }
}

/// `GET /api/v1/dashboard/metrics`
#[derive(Debug)]
pub struct DashboardMetrics<'a> {
    path: &'a str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    total_providers: Figure,
    high_risk_providers: Figure,
    compliance_rate: Figure,
    completion_rate: Figure,
    avg_score: Figure,
    overview: Child<Self>,
    training_metrics: Child<Self>,
    metrics: Child<Self>,
    data: Child<Self>,
}

impl Nested for Facts {
    fn children(&self) -> impl Iterator<Item = &Self> {
        [&self.overview, &self.training_metrics, &self.metrics, &self.data]
            .into_iter()
            .filter_map(|child| child.0.as_deref())
    }
}

impl Endpoint for DashboardMetrics<'_> {
    type Output = DashboardFigures;
    const NAME: &'static str = "dashboard_metrics";

    fn path(&self) -> Cow<'_, str> {
        self.path.into()
    }

    fn decode(&self, body: Bytes) -> Result<DashboardFigures, Malformed> {
        let (facts, raw): (Facts, _) = figure::keep(&body)?;
        Ok(DashboardFigures {
            total_providers: facts.find(&|f: &Facts| f.total_providers.0),
            high_risk_providers: facts.find(&|f: &Facts| f.high_risk_providers.0),
            compliance_rate: facts.find(&|f: &Facts| f.compliance_rate.0),
            completion_rate: facts.find(&|f: &Facts| f.completion_rate.0),
            avg_training_score: facts.find(&|f: &Facts| f.avg_score.0),
            raw,
        })
    }

    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        refusal::read(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_carries_the_analysis_as_it_came() {
        let analysis = RawJson::parse(r#"{"score": 85.50, "é":1}"#.as_bytes()).unwrap();
        let update = MetricsUpdate::ProviderAnalysis(&analysis);
        let endpoint = UpdateMetrics { path: "/", update, timestamp: "2026-01-01T00:00:00Z" };
        assert_eq!(
            endpoint.body().unwrap().unwrap(),
            r#"{"provider_analysis":{"score": 85.50, "é":1},"timestamp":"2026-01-01T00:00:00Z"}"#
        );
    }

    #[test]
    fn figures_of_the_documented_shape() {
        let body = Bytes::from_static(
            br#"{"success":true,"data":{"overview":{"total_providers":4,"compliance_rate":75.0},"trends":{},
            "training_metrics":{"completion_rate":50,"avg_score":81}}}"#,
        );
        let figures = DashboardMetrics { path: "/" }.decode(body).unwrap();
        assert_eq!((figures.total_providers, figures.compliance_rate), (Some(4.0), Some(75.0)));
        assert_eq!((figures.completion_rate, figures.avg_training_score), (Some(50.0), Some(81.0)));
    }
}
