//! Those who wait for the end of an execution.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::store::{Execution, Store, StoreError};

/// How often to look for an end that another process may have brought about.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Waiters {
    waiting: Mutex<HashMap<Uuid, Arc<Notify>>>,
}

impl Waiters {
    pub(super) fn wake(&self, id: Uuid) {
        if let Some(waiter) = self.lock().get(&id) {
            waiter.notify_waiters();
        }
    }

    pub(super) async fn wait(
        &self,
        store: &Store,
        id: Uuid,
        most: Duration,
    ) -> Result<Option<Execution>, StoreError> {
        let deadline = Instant::now() + most;
        let place = Place::take(self, id);
        loop {
            // Before the look, so that an end right after it is not missed.
            let mut ended = std::pin::pin!(place.end.notified());
            ended.as_mut().enable();
            let found = store.execution(id).await?;
            let is_over = found.as_ref().is_none_or(|execution| execution.state.is_finished());
            let now = Instant::now();
            if is_over || now >= deadline {
                return Ok(found);
            }
            // Whether it ended or not, the next look tells.
            let _ = timeout_at(deadline.min(now + LOOK), ended).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shared by all who wait for the same execution; the last one to leave takes it away.
struct Place<'a> {
    waiters: &'a Waiters,
    id: Uuid,
    end: Arc<Notify>,
}

impl<'a> Place<'a> {
    fn take(waiters: &'a Waiters, id: Uuid) -> Self {
        let end = Arc::clone(waiters.lock().entry(id).or_default());
        Self { waiters, id, end }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiters.lock();
        // Its own and the map's: nobody else has it.
        if Arc::strong_count(&self.end) <= 2 {
            waiting.remove(&self.id);
        }
    }
}
