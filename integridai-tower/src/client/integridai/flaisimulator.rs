//! FLAISimulator: gamified ethics training.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

use super::figure::{self, Child, Figure, Nested};
use super::{RawJson, encode_segment, refusal};
use crate::BoxError;
use crate::client::{Call, Endpoint, Malformed, Refusal, ServiceClient};

/// The figures of the training platform.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrainingFigures {
    /// Users (`users`, or `active_users` where that is all there is).
    pub users: Option<f64>,
    /// Simulations that run now.
    pub active_simulations: Option<f64>,
    /// Trainings that were completed, in percent.
    pub completion_rate: Option<f64>,
    /// The mean score of trainings, in percent.
    pub avg_score: Option<f64>,
    /// The answer as it came.
    pub raw: RawJson,
}

/// A training session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrainingSession {
    /// The session without the envelope that it came in.
    pub session: RawJson,
}

/// Where FLAISimulator's endpoints are, below the base URL.
#[derive(Debug, Clone)]
#[must_use]
#[non_exhaustive]
pub struct FlaiSimulatorPaths {
    /// `GET`; default `/api/v1/metrics`.
    pub metrics: String,
    /// `GET` with `/{id}` behind it; default `/api/v1/training/sessions`.
    pub training_sessions: String,
}

impl FlaiSimulatorPaths {
    /// Another path for the figures.
    pub fn metrics(mut self, path: impl Into<String>) -> Self {
        self.metrics = path.into();
        self
    }

    /// Another path for the training sessions.
    pub fn training_sessions(mut self, path: impl Into<String>) -> Self {
        self.training_sessions = path.into();
        self
    }
}

impl Default for FlaiSimulatorPaths {
    fn default() -> Self {
        Self { metrics: "/api/v1/metrics".into(), training_sessions: "/api/v1/training/sessions".into() }
    }
}

/// Client of FLAISimulator.
#[derive(Debug, Clone)]
#[must_use]
pub struct FlaiSimulatorClient<S> {
    client: ServiceClient<S>,
    paths: FlaiSimulatorPaths,
}

impl<S> FlaiSimulatorClient<S> {
    /// A client with the default paths.
    pub fn new(client: ServiceClient<S>) -> Self {
        Self { client, paths: FlaiSimulatorPaths::default() }
    }

    /// Other paths.
    pub fn paths(mut self, paths: FlaiSimulatorPaths) -> Self {
        self.paths = paths;
        self
    }

    /// Reads the training figures.
    pub fn metrics(&self) -> Call<'_, S, TrainingMetrics<'_>> {
        self.client.call(TrainingMetrics { path: &self.paths.metrics })
    }

    /// Reads one training session.
    pub fn training_session<'a>(&'a self, id: &'a str) -> Call<'a, S, GetTrainingSession<'a>> {
        self.client.call(GetTrainingSession { path: &self.paths.training_sessions, id })
    }
}

/// `GET /api/v1/metrics`
#[derive(Debug)]
pub struct TrainingMetrics<'a> {
    path: &'a str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    users: Figure,
    total_users: Figure,
    active_users: Figure,
    active_sims: Figure,
    active_simulations: Figure,
    completion_rate: Figure,
    avg_score: Figure,
    training_metrics: Child<Self>,
    metrics: Child<Self>,
    data: Child<Self>,
}

impl Nested for Facts {
    fn children(&self) -> impl Iterator<Item = &Self> {
        [&self.training_metrics, &self.metrics, &self.data].into_iter().filter_map(|child| child.0.as_deref())
    }
}

impl Endpoint for TrainingMetrics<'_> {
    type Output = TrainingFigures;
    const NAME: &'static str = "metrics";

    fn path(&self) -> Cow<'_, str> {
        self.path.into()
    }

    fn decode(&self, body: Bytes) -> Result<TrainingFigures, Malformed> {
        let (facts, raw): (Facts, _) = figure::keep(&body)?;
        let users = facts.find(&|f: &Facts| f.users.0.or(f.total_users.0));
        let figures = TrainingFigures {
            users: users.or_else(|| facts.find(&|f: &Facts| f.active_users.0)),
            active_simulations: facts.find(&|f: &Facts| f.active_sims.0.or(f.active_simulations.0)),
            completion_rate: facts.find(&|f: &Facts| f.completion_rate.0),
            avg_score: facts.find(&|f: &Facts| f.avg_score.0),
            raw,
        };
        if figures.users.is_none() && figures.active_simulations.is_none() {
            return Err(Malformed::new("neither users nor active simulations in it"));
        }
        Ok(figures)
    }

    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        refusal::read(body)
    }
}

/// `GET /api/v1/training/sessions/{id}`
#[derive(Debug)]
pub struct GetTrainingSession<'a> {
    path: &'a str,
    id: &'a str,
}

#[derive(Deserialize)]
struct Envelope {
    data: Option<RawJson>,
}

impl Endpoint for GetTrainingSession<'_> {
    type Output = TrainingSession;
    const NAME: &'static str = "training_session";

    fn check(&self) -> Result<(), BoxError> {
        if matches!(self.id, "" | "." | "..") {
            return Err("a session id is a path segment of its own".into());
        }
        Ok(())
    }

    fn path(&self) -> Cow<'_, str> {
        let mut path = String::with_capacity(self.path.len() + self.id.len() + 1);
        path.push_str(self.path);
        path.push('/');
        encode_segment(&mut path, self.id);
        path.into()
    }

    fn decode(&self, body: Bytes) -> Result<TrainingSession, Malformed> {
        let (envelope, raw): (Envelope, _) = figure::keep(&body)?;
        let session = envelope.data.unwrap_or(raw);
        if !session.get().starts_with('{') {
            return Err(Malformed::new("the session is no object"));
        }
        Ok(TrainingSession { session })
    }

    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        refusal::read(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Result<TrainingFigures, Malformed> {
        TrainingMetrics { path: "/" }.decode(Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn figures_nested_and_flat() {
        let nested = read(
            r#"{"users":40,"active_sims":3,"training_metrics":{"active_users":12,"completion_rate":80,
            "avg_score":"71.5"}}"#,
        )
        .unwrap();
        assert_eq!((nested.users, nested.active_simulations), (Some(40.0), Some(3.0)));
        assert_eq!((nested.completion_rate, nested.avg_score), (Some(80.0), Some(71.5)));
        let flat = read(r#"{"users":7,"active_sims":0}"#).unwrap();
        assert_eq!((flat.users, flat.active_simulations, flat.avg_score), (Some(7.0), Some(0.0), None));
        let documented = read(r#"{"success":true,"data":{"training_metrics":{"active_users":9}}}"#).unwrap();
        assert_eq!(documented.users, Some(9.0));
    }

    #[test]
    fn a_session_id_cannot_leave_its_path_segment() {
        let endpoint = GetTrainingSession { path: "/api/v1/training/sessions", id: "../../admin?x=1#é" };
        assert_eq!(endpoint.path(), "/api/v1/training/sessions/..%2F..%2Fadmin%3Fx%3D1%23%C3%A9");
        assert!(endpoint.check().is_ok());
        for id in ["", ".", ".."] {
            assert!(GetTrainingSession { path: "/", id }.check().is_err(), "{id:?}");
        }
    }

    #[test]
    fn a_session_comes_with_or_without_envelope() {
        let endpoint = GetTrainingSession { path: "/", id: "1" };
        let inside =
            endpoint.decode(Bytes::from_static(br#"{"success":true,"data":{"session_id":"1"}}"#)).unwrap();
        assert_eq!(inside.session.get(), r#"{"session_id":"1"}"#);
        let bare = endpoint.decode(Bytes::from_static(br#"{"session_id":"1"}"#)).unwrap();
        assert_eq!(bare.session.get(), r#"{"session_id":"1"}"#);
        assert!(endpoint.decode(Bytes::from_static(b"[1]")).is_err());
    }
}
