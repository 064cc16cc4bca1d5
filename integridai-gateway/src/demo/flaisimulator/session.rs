//! One training session: begun, answered step by step, completed or run out of time.
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::demo::answer::timestamp;
use crate::demo::chance::{fraction, rounded};

const STEPS: u32 = 5;
const LIFETIME: Duration = Duration::hours(2);

#[derive(Clone, Debug)]
pub(super) struct Session {
    id: String,
    scenario: String,
    pub(super) user: String,
    responses: u32,
    score_sum: f64,
    started: OffsetDateTime,
    expires: OffsetDateTime,
}

/// What the service tells about a session.
#[derive(Debug, Serialize)]
pub(super) struct SessionView<'a> {
    session_id: &'a str,
    scenario: &'a str,
    user_id: &'a str,
    status: &'static str,
    score: f64,
    progress: f64,
    responses: u32,
    started_at: String,
    expires_at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Completed,
    Expired,
}

impl Session {
    pub(super) fn new(id: &str, scenario: &str, user: &str, now: OffsetDateTime) -> Self {
        let (id, scenario, user) = (id.to_owned(), scenario.to_owned(), user.to_owned());
        Self { id, scenario, user, responses: 0, score_sum: 0.0, started: now, expires: now + LIFETIME }
    }

    pub(super) fn lasting(self, lifetime: Duration) -> Self {
        Self { expires: self.started + lifetime, ..self }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_complete(&self) -> bool {
        self.responses >= STEPS
    }

    pub(super) fn status(&self, now: OffsetDateTime) -> Status {
        match self.responses {
            STEPS.. => Status::Completed,
            _ if now >= self.expires => Status::Expired,
            _ => Status::Active,
        }
    }

    /// A response is worth 50 to 100 points.
    pub(super) fn respond(&mut self, quality: u64) {
        self.responses += 1;
        self.score_sum += 50.0 + 50.0 * fraction(quality);
    }

    /// The mean of the responses so far, in percent.
    pub(super) fn score(&self) -> f64 {
        if self.responses == 0 { 0.0 } else { rounded(self.score_sum / f64::from(self.responses), 1) }
    }

    pub(super) fn view(&self) -> SessionView<'_> {
        SessionView {
            session_id: &self.id,
            scenario: &self.scenario,
            user_id: &self.user,
            status: self.status(OffsetDateTime::now_utc()).name(),
            score: self.score(),
            progress: rounded(f64::from(self.responses) * 100.0 / f64::from(STEPS), 1),
            responses: self.responses,
            started_at: timestamp(self.started),
            expires_at: timestamp(self.expires),
        }
    }
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Expired => "expired",
        }
    }
}
