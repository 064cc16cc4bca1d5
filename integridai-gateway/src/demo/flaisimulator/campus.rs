//! All sessions and users of the training service, in bounded memory.
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::DEMO_SESSION;
use super::session::{Session, Status};
use crate::demo::chance::{Chance, rounded};
use crate::demo::fifo::FifoMap;

const MOST_SESSIONS: usize = 10_000;
const MOST_USERS: usize = 10_000;
const DEMO_LIFETIME: Duration = Duration::days(365);

#[derive(Debug)]
pub(super) struct Campus {
    sessions: FifoMap<String, Session>,
    users: FifoMap<String, Progress>,
    seeded: Seeded,
    users_seen: u64,
    active: u64,
    begun: u64,
    completed: u64,
    score_sum: f64,
}

/// What was there before the simulation began.
#[derive(Debug)]
struct Seeded {
    users: u64,
    active: u64,
}

/// One user's training so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    begun: u64,
    completed: u64,
    score_sum: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct ProgressView<'a> {
    user_id: &'a str,
    sessions_started: u64,
    sessions_completed: u64,
    completion_rate: f64,
    avg_score: f64,
}

/// The figures at one moment; rates in percent.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) users: u64,
    pub(super) active_sims: u64,
    pub(super) active_users: u64,
    pub(super) completion_rate: f64,
    pub(super) avg_score: f64,
}

/// Why a response was not accepted.
#[derive(Debug)]
pub(super) enum Unanswerable {
    Unknown,
    Over(&'static str),
}

impl Campus {
    /// A service that has been in use for a while.
    pub(super) fn seeded(seed: u64, now: OffsetDateTime) -> Self {
        let chance = Chance::new(seed);
        let begun = 400 + chance.bits() % 50;
        let completed = begun * 3 / 4;
        let mut campus = Self {
            sessions: FifoMap::new(MOST_SESSIONS),
            users: FifoMap::new(MOST_USERS),
            seeded: Seeded { users: 240 + chance.bits() % 20, active: 12 + chance.bits() % 8 },
            users_seen: 0,
            active: 0,
            begun,
            completed,
            score_sum: completed as f64 * (76.0 + 10.0 * chance.fraction()),
        };
        campus.restore_demo(now);
        campus
    }

    pub(super) fn begin(&mut self, id: &str, scenario: &str, user: &str, now: OffsetDateTime) -> Session {
        let session = Session::new(id, scenario, user, now);
        self.enrol(session.clone());
        session
    }

    /// A copy, so that nothing is serialised under the lock.
    pub(super) fn session(&mut self, id: &str, now: OffsetDateTime) -> Option<Session> {
        if id == DEMO_SESSION && self.sessions.get(id).is_none() {
            self.restore_demo(now);
        }
        self.sessions.get(id).cloned()
    }

    pub(super) fn respond(
        &mut self,
        id: &str,
        quality: u64,
        now: OffsetDateTime,
    ) -> Result<Session, Unanswerable> {
        self.session(id, now).ok_or(Unanswerable::Unknown)?;
        let session = self.sessions.get_mut(id).ok_or(Unanswerable::Unknown)?;
        let status = session.status(now);
        if status != Status::Active {
            return Err(Unanswerable::Over(status.name()));
        }
        session.respond(quality);
        let session = session.clone();
        if session.status(now) == Status::Completed {
            self.complete(&session);
        }
        Ok(session)
    }

    pub(super) fn progress(&self, user: &str) -> Option<Progress> {
        self.users.get(user).cloned()
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            users: self.seeded.users + self.users_seen,
            active_sims: self.seeded.active + self.active,
            active_users: self.seeded.active + self.active.min(self.users_seen),
            completion_rate: percent(self.completed, self.begun),
            avg_score: mean(self.score_sum, self.completed),
        }
    }

    fn enrol(&mut self, session: Session) {
        self.begun += 1;
        self.active += 1;
        if let Some(user) = self.users.get_mut(&session.user) {
            user.begun += 1;
        } else {
            self.users_seen += 1;
            self.users.insert(session.user.clone(), Progress { begun: 1, ..Progress::default() });
        }
        if let Some((_, forgotten)) = self.sessions.insert(session.id().to_owned(), session) {
            self.active -= u64::from(!forgotten.is_complete());
        }
    }

    fn complete(&mut self, session: &Session) {
        self.active -= 1;
        self.completed += 1;
        self.score_sum += session.score();
        if let Some(user) = self.users.get_mut(&session.user) {
            user.completed += 1;
            user.score_sum += session.score();
        }
    }

    /// Three good responses in, so that a fetched session has something to tell.
    fn restore_demo(&mut self, now: OffsetDateTime) {
        let mut session =
            Session::new(DEMO_SESSION, "gifts-and-hospitality", "demo-user", now).lasting(DEMO_LIFETIME);
        for eighths in [5, 6, 7] {
            session.respond(u64::MAX / 8 * eighths);
        }
        self.enrol(session);
    }
}

impl Progress {
    pub(super) fn view<'a>(&self, user_id: &'a str) -> ProgressView<'a> {
        ProgressView {
            user_id,
            sessions_started: self.begun,
            sessions_completed: self.completed,
            completion_rate: percent(self.completed, self.begun),
            avg_score: mean(self.score_sum, self.completed),
        }
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    mean(part as f64 * 100.0, whole)
}

fn mean(sum: f64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { rounded(sum / count as f64, 2) }
}

#[cfg(test)]
mod tests {
    use super::{Campus, DEMO_SESSION, Duration, MOST_SESSIONS, OffsetDateTime, Unanswerable};

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn a_session_completes_after_five_responses_and_moves_the_figures() {
        let mut campus = Campus::seeded(1, START);
        let before = campus.figures();
        campus.begin("one", "gifts", "ana", START);
        assert_eq!(campus.figures().active_sims, before.active_sims + 1);
        assert_eq!(campus.figures().users, before.users + 1);
        for quality in 0..5 {
            campus.respond("one", quality, START).expect("active");
        }
        assert_eq!(campus.figures().active_sims, before.active_sims);
        assert!(campus.figures().avg_score < before.avg_score);
        assert!(matches!(campus.respond("one", 0, START), Err(Unanswerable::Over("completed"))));
    }

    #[test]
    fn a_session_takes_no_response_after_its_time() {
        let mut campus = Campus::seeded(1, START);
        campus.begin("one", "gifts", "ana", START);
        let late = campus.respond("one", 0, START + Duration::hours(2));
        assert!(matches!(late, Err(Unanswerable::Over("expired"))));
    }

    #[test]
    fn sessions_are_capped_and_the_demo_session_comes_back() {
        let mut campus = Campus::seeded(1, START);
        let seeded = campus.figures().active_sims - 1;
        for number in 0..MOST_SESSIONS + 5 {
            campus.begin(&number.to_string(), "gifts", "ana", START);
        }
        assert_eq!(campus.sessions.iter().count(), MOST_SESSIONS);
        assert_eq!(campus.figures().active_sims, seeded + MOST_SESSIONS as u64);
        assert!(campus.session("0", START).is_none());
        assert!(campus.session(DEMO_SESSION, START).is_some());
    }
}
