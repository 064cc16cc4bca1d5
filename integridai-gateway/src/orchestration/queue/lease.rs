//! A lease that is kept alive for as long as the work takes, and the end of the work where it cannot be.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::store::{Heartbeat, Lease};

impl Shared {
    /// Since when a lease holds at least that was asked for at this moment: of one that came late it is asked once more, for it
    /// may have ended on the way. None: it has, or nobody knows.
    pub(super) async fn held_since(
        &self,
        lease: Lease,
        asked: Instant,
        cancel: &CancellationToken,
    ) -> Option<Instant> {
        if asked.elapsed() < self.options.lease / 3 {
            return Some(asked);
        }
        let asked = Instant::now();
        match self.store.heartbeat(lease, self.options.lease).await {
            Ok(Heartbeat::Held) => Some(asked),
            Ok(Heartbeat::CancelRequested) => {
                cancel.cancel();
                Some(asked)
            }
            Ok(Heartbeat::Lost) => None,
            Err(_) => {
                // Nobody has begun it.
                self.give_back(lease).await;
                None
            }
        }
    }

    /// Extends the lease each third of its length. Work whose lease was not confirmed for nine tenths of its length, by the
    /// clock that never goes back, counts as lost, whatever the database is waited for: soon somebody else may have
    /// it. Never ends.
    pub(super) async fn keep_alive(
        &self,
        lease: Lease,
        held_since: Instant,
        cancel: &CancellationToken,
        lost: &CancellationToken,
    ) {
        let length = self.options.lease;
        let mut confirmed = held_since;
        loop {
            tokio::time::sleep_until(confirmed + length / 3).await;
            let end = confirmed + length * 9 / 10;
            match tokio::time::timeout_at(end, self.confirm(lease, cancel, lost)).await {
                Ok(moment) => confirmed = moment,
                Err(_) => {
                    lost.cancel();
                    // Its end may still be written, if nobody else has taken it by then.
                    confirmed = self.confirm(lease, cancel, lost).await;
                }
            }
        }
    }

    /// Asks until the store answers, and tells when it was asked what it has answered.
    async fn confirm(&self, lease: Lease, cancel: &CancellationToken, lost: &CancellationToken) -> Instant {
        loop {
            let asked = Instant::now();
            match self.store.heartbeat(lease, self.options.lease).await {
                Ok(Heartbeat::Held) => return asked,
                Ok(Heartbeat::CancelRequested) => {
                    cancel.cancel();
                    return asked;
                }
                Ok(Heartbeat::Lost) => {
                    lost.cancel();
                    return asked;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a lease could not be extended");
                }
            }
            tokio::time::sleep(self.options.lease / 10).await;
        }
    }
}
