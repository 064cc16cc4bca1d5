//! The way to Redis as requests see it: open, or not there.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The connection for look-ups, as long as this replica is in step with the others. Who finds it broken closes it for all; it is
/// opened again by who keeps the replica in step, so that no request waits for a connection.
pub(super) struct Link {
    current: Mutex<Option<Session>>,
    lost: Notify,
    opened: Notify,
    start: Instant,
    /// In ms from the start; 0 while the replica is in step.
    apart_since: AtomicU64,
    sessions: AtomicU64,
    outages: AtomicU64,
    failures: AtomicU32,
}

#[derive(Clone)]
pub(super) struct Session {
    number: u64,
    pub(super) connection: MultiplexedConnection,
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Link {
    pub(super) fn new() -> Self {
        Self {
            current: Mutex::new(None),
            lost: Notify::new(),
            opened: Notify::new(),
            start: Instant::now(),
            apart_since: AtomicU64::new(1),
            sessions: AtomicU64::new(0),
            outages: AtomicU64::new(0),
            failures: AtomicU32::new(0),
        }
    }

    pub(super) fn enter(&self) -> Option<Session> {
        self.is_open().then(|| self.lock().clone())?
    }

    pub(super) fn is_open(&self) -> bool {
        self.apart_since.load(Ordering::Acquire) == 0
    }

    pub(super) fn open(&self, connection: MultiplexedConnection) {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        let mut current = self.lock();
        *current = Some(Session { number, connection });
        self.apart_since.store(0, Ordering::Release);
        drop(current);
        self.opened.notify_waiters();
    }

    pub(super) async fn opened(&self) {
        let mut opened = pin!(self.opened.notified());
        // Heard from now on, also of what comes before it is waited for.
        opened.as_mut().enable();
        if !self.is_open() {
            opened.await;
        }
    }

    /// Closes it, unless it was opened anew since.
    pub(super) fn lose(&self, session: &Session) {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|current| current.number == session.number) {
            self.shut(&mut current);
            drop(current);
            self.lost.notify_one();
        }
    }

    pub(super) fn close(&self) {
        let mut current = self.lock();
        if current.is_some() {
            self.shut(&mut current);
        }
        drop(current);
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Until a request has lost it.
    pub(super) async fn lost(&self) {
        loop {
            self.lost.notified().await;
            // What was lost may have been opened again by then.
            if !self.is_open() {
                return;
            }
        }
    }

    /// Redis answered.
    pub(super) fn succeed(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Before it is tried again: twice as long each time, and up to half of it longer by chance.
    pub(super) fn pause(&self) -> Duration {
        let failures = self.failures.load(Ordering::Relaxed).saturating_sub(1).min(10);
        let pause = (FIRST_PAUSE * (1 << failures)).min(LONGEST_PAUSE);
        pause.mul_f64(rand::random_range(1.0..=1.5))
    }

    /// In ms from the start, since when it is not in step.
    pub(super) fn apart_since(&self) -> Option<u64> {
        match self.apart_since.load(Ordering::Acquire) {
            0 => None,
            since => Some(since),
        }
    }

    pub(super) fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    /// Milliseconds from the start, not 0.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn shut(&self, current: &mut Option<Session>) {
        *current = None;
        self.apart_since.store(self.now(), Ordering::Release);
        self.outages.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Session>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
