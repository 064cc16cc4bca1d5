//! One limit, shared by all who call one service.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::gradient::{End, Gradient, Sample};
use super::permit::Permit;
use super::place::{Place, turn};
use super::room::{Arrival, Room, Ticket};
use super::{Cause, LimitOptions, Overloaded, Turn};
use crate::{Deadline, Priority};

/// How many calls of one service are under way at once. A clone is the same limit, to call by and to read.
///
/// Layers use it for you; without HTTP, ask it yourself:
/// ```
/// use integridai_tower::Priority;
/// use integridai_tower::client::Outcome;
/// use integridai_tower::client::limit::{Cause, LimitOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limit = LimitOptions::fixed(1).max_queued(0).build("database")?;
/// let permit = limit.acquire(Priority::Normal, None).await?;
/// let refused = limit.acquire(Priority::High, None).await.unwrap_err();
/// assert_eq!((refused.cause, limit.snapshot().in_flight), (Cause::QueueFull, 1));
/// permit.end(Outcome::Success);
/// assert_eq!(limit.snapshot().in_flight, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ConcurrencyLimit(Arc<Shared>);

struct Shared {
    name: Arc<str>,
    options: LimitOptions,
    start: Instant,
    state: Mutex<State>,
}

struct State {
    room: Room<oneshot::Sender<Permit>>,
    gradient: Gradient,
    /// What a call takes, for `Retry-After`.
    usual_ns: f64,
    admitted: u64,
    shed: [u64; CAUSES.len()],
}

/// A fixed limit takes the time of one call in so many: it is for `Retry-After` alone, and reading the clock is half of a call.
const TIMED: u64 = 16;

const CAUSES: [Cause; 4] = [Cause::QueueFull, Cause::Displaced, Cause::WaitedTooLong, Cause::DeadlinePassed];

/// Where a limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitSnapshot {
    /// Calls that may be under way at once.
    pub limit: u32,
    /// Calls under way; more than the limit for a while after it has fallen.
    pub in_flight: u32,
    /// Calls that wait.
    pub queued: usize,
    /// Those of them that are of low, normal and high priority.
    pub queued_by_priority: [usize; 3],
    /// Calls that were let through so far.
    pub admitted: u64,
    /// Calls that were refused so far, whatever the cause.
    pub shed: u64,
    /// How long a call takes, as of late; zero until one has ended.
    pub usual_time: Duration,
    shed_by: [u64; CAUSES.len()],
}

impl LimitSnapshot {
    /// Calls that were refused so far for this cause.
    #[must_use]
    pub fn shed_for(&self, cause: Cause) -> u64 {
        self.shed_by[cause as usize]
    }
}

/// What becomes of a call at the door.
pub(super) enum Entry {
    Admitted(Permit),
    Waiting(Turn),
    Refused(Overloaded),
}

impl ConcurrencyLimit {
    pub(super) fn with(options: LimitOptions, name: &str) -> Self {
        let gradient = Gradient::new(&options.settings);
        let room = Room::new(gradient.limit(), options.max_queued);
        let state = State { room, gradient, usual_ns: 0.0, admitted: 0, shed: [0; CAUSES.len()] };
        Self(Arc::new(Shared { name: name.into(), options, start: Instant::now(), state: Mutex::new(state) }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where it stands.
    #[must_use]
    pub fn snapshot(&self) -> LimitSnapshot {
        let state = self.lock();
        LimitSnapshot {
            limit: state.room.limit(),
            in_flight: state.room.inside(),
            queued: state.room.queued(),
            queued_by_priority: Priority::ALL.map(|priority| state.room.queued_by(priority)),
            admitted: state.admitted,
            shed: state.shed.iter().sum(),
            usual_time: nanoseconds(state.usual_ns),
            shed_by: state.shed,
        }
    }

    /// Waits for its turn, at most as long as the limit and the deadline allow. Dropped meanwhile, it gives its place back.
    ///
    /// # Errors
    /// Where there is too much to do.
    pub async fn acquire(
        &self,
        priority: Priority,
        deadline: Option<Deadline>,
    ) -> Result<Permit, Overloaded> {
        match self.enter(priority, deadline) {
            Entry::Admitted(permit) => Ok(permit),
            Entry::Refused(overloaded) => Err(overloaded),
            Entry::Waiting(turn) => turn.await,
        }
    }

    pub(super) fn enter(&self, priority: Priority, deadline: Option<Deadline>) -> Entry {
        let is_adaptive = self.0.options.is_adaptive;
        let now = (is_adaptive || deadline.is_some()).then(Instant::now);
        if now.zip(deadline).is_some_and(|(now, deadline)| now >= deadline.instant()) {
            return Entry::Refused(self.refuse(Cause::DeadlinePassed));
        }
        let mut waiting = None;
        let mut state = self.lock();
        let arrival = state.room.enter(priority, || {
            let (grant, granted) = oneshot::channel();
            waiting = Some(granted);
            grant
        });
        let usual_ns = state.usual_ns;
        let is_timed = is_adaptive || state.admitted.is_multiple_of(TIMED);
        state.admitted += u64::from(matches!(arrival, Arrival::Inside(_)));
        drop(state);
        match (arrival, waiting) {
            (Arrival::Inside(in_flight), _) => Entry::Admitted(Permit::new(
                self.clone(),
                in_flight,
                is_timed.then(|| now.unwrap_or_else(Instant::now)),
            )),
            (Arrival::Queued(ticket, displaced), Some(granted)) => {
                // Its receiver is told by that: nobody will let it in any more.
                drop(displaced);
                let place = Place { limit: self.clone(), ticket, granted };
                let now = Instant::now();
                // Whoever begins so late that the deadline cuts the call off has taken a turn for nothing.
                let needed = nanoseconds(usual_ns * self.0.options.settings.tolerance);
                let deadline = deadline.map(|deadline| deadline.instant().checked_sub(needed).unwrap_or(now));
                Entry::Waiting(Box::pin(turn(place, now + self.0.options.max_wait, deadline)))
            }
            _ => Entry::Refused(self.refuse(Cause::QueueFull)),
        }
    }

    /// Counts a refusal.
    pub(super) fn refuse(&self, cause: Cause) -> Overloaded {
        let mut state = self.lock();
        state.shed[cause as usize] += 1;
        let retry_after = state.retry_after().min(self.0.options.retry_after_most);
        Overloaded { cause, retry_after }
    }

    pub(super) fn give_up(&self, ticket: Ticket) {
        self.lock().room.give_up(ticket);
    }

    pub(super) fn has_begun(&self) {
        self.lock().admitted += 1;
    }

    /// A call has ended; those whose turn it is are let in.
    pub(super) fn leave(&self, ended: Option<(Sample, Instant)>) {
        let mut state = self.lock();
        state.room.leave();
        if let Some((sample, now)) = ended {
            state.record(&self.0.options, sample, now.saturating_duration_since(self.0.start));
        }
        while let Some((grant, in_flight)) = state.room.next() {
            // A permit that nobody takes comes back here: not under the lock.
            drop(state);
            drop(grant.send(Permit::new(self.clone(), in_flight, None)));
            state = self.lock();
        }
    }

    /// What stands under it is whole after every step, so a panic elsewhere does not matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    #[allow(clippy::cast_precision_loss, reason = "times below 104 days are exact")]
    fn record(&mut self, options: &LimitOptions, sample: Sample, now: Duration) {
        if sample.end == End::Finished {
            let took_ns = sample.took_ns as f64;
            self.usual_ns += (took_ns - self.usual_ns) * if self.usual_ns == 0.0 { 1.0 } else { 0.125 };
        }
        if options.is_adaptive {
            let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
            let limit = self.gradient.record(&options.settings, sample, now_ns);
            self.room.set_limit(limit);
        }
    }

    /// When those who wait now should have had their turn.
    #[allow(clippy::cast_precision_loss, reason = "a queue is short")]
    fn retry_after(&self) -> Duration {
        let rounds = (self.room.queued() as f64 + 1.0) / f64::from(self.room.limit());
        nanoseconds(self.usual_ns * rounds)
    }
}

/// Neither negative nor infinite, whatever comes.
fn nanoseconds(time: f64) -> Duration {
    Duration::try_from_secs_f64(time / 1e9).unwrap_or(Duration::MAX)
}

impl fmt::Debug for ConcurrencyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("name", &self.0.name)
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}
