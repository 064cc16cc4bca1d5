//! A place in line.

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::permit::Permit;
use super::room::Ticket;
use super::{Cause, ConcurrencyLimit, Overloaded};

/// Somebody who waits. Dropped, he leaves the line, and a permit that was on its way to him goes back.
pub(super) struct Place {
    pub(super) limit: ConcurrencyLimit,
    pub(super) ticket: Ticket,
    pub(super) granted: oneshot::Receiver<Permit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limit.give_up(self.ticket);
    }
}

/// The permit, when his turn has come; the latest turn that still leaves time for a call is at `deadline`.
pub(super) async fn turn(
    mut place: Place,
    latest: Instant,
    deadline: Option<Instant>,
) -> Result<Permit, Overloaded> {
    let deadline = deadline.filter(|deadline| *deadline <= latest);
    let cause = match timeout_at(deadline.unwrap_or(latest), &mut place.granted).await {
        Ok(Ok(permit)) => return Ok(permit.begin()),
        Ok(Err(_)) => Cause::Displaced,
        Err(_) if deadline.is_some() => Cause::DeadlinePassed,
        Err(_) => Cause::WaitedTooLong,
    };
    let limit = place.limit.clone();
    drop(place);
    Err(limit.refuse(cause))
}
