//! Tickets: what a browser, which cannot put a header on a WebSocket, proves itself with instead of a token.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use integridai_tower::Principal;
use tokio::time::Instant;
use uuid::Uuid;

/// Tickets that were given out and not used yet. Each is good for one use within a short time. A clone is the same.
#[derive(Clone)]
pub struct Tickets {
    open: Arc<Mutex<HashMap<Ticket, Entry>>>,
    lifetime: Duration,
    max_open: usize,
}

/// 244 random bits.
type Ticket = (Uuid, Uuid);

struct Entry {
    principal: Principal,
    until: Instant,
}

/// Too many tickets are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many tickets are open")]
pub struct NoTicket;

impl Tickets {
    /// Tickets that live for `lifetime`, of which at most `max_open` are open at a time.
    #[must_use]
    pub fn new(lifetime: Duration, max_open: usize) -> Self {
        Self { open: Arc::default(), lifetime, max_open }
    }

    /// How long a ticket may be used.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A ticket for the principal.
    ///
    /// # Errors
    ///
    /// [`NoTicket`] when as many as there may be are open.
    pub fn issue(&self, principal: Principal) -> Result<String, NoTicket> {
        let now = Instant::now();
        let mut open = self.lock();
        if open.len() >= self.max_open {
            open.retain(|_, entry| entry.until > now);
        }
        if open.len() >= self.max_open {
            return Err(NoTicket);
        }
        let ticket = (Uuid::new_v4(), Uuid::new_v4());
        open.insert(ticket, Entry { principal, until: now + self.lifetime });
        Ok(format!("{}{}", ticket.0.simple(), ticket.1.simple()))
    }

    /// Whose ticket it is. It is used up by that.
    #[must_use]
    pub fn redeem(&self, text: &str) -> Option<Principal> {
        let (first, second) = text.split_at_checked(32)?;
        let ticket = (parse(first)?, parse(second)?);
        let entry = self.lock().remove(&ticket)?;
        (entry.until > Instant::now()).then_some(entry.principal)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Ticket, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one form in which it was given out.
fn parse(text: &str) -> Option<Uuid> {
    let is_own = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_own.then(|| Uuid::try_parse(text).ok()).flatten()
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("open", &self.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Principal {
        Principal::builder("ann").build()
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_for_a_short_time() {
        let tickets = Tickets::new(Duration::from_secs(30), 10);
        let ticket = tickets.issue(ann()).unwrap();
        assert_eq!(ticket.len(), 64);
        assert_eq!(tickets.redeem(&ticket).unwrap().subject(), "ann");
        assert!(tickets.redeem(&ticket).is_none(), "it is used up");
        let late = tickets.issue(ann()).unwrap();
        let (start, end) = late.split_at(32);
        for altered in
            [late.to_uppercase().replace('0', "A"), format!("{start}-{end}"), format!("{end}{start}")]
        {
            assert!(tickets.redeem(&altered).is_none(), "{altered}");
        }
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(tickets.redeem(&late).is_none());
        for wrong in ["", "x", &"0".repeat(64), &"é".repeat(32), &"-".repeat(64)] {
            assert!(tickets.redeem(wrong).is_none(), "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_never_more_than_may_be() {
        let tickets = Tickets::new(Duration::from_secs(30), 2);
        for _ in 0..2 {
            tickets.issue(ann()).unwrap();
        }
        assert_eq!(tickets.issue(ann()), Err(NoTicket));
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(tickets.issue(ann()).is_ok(), "those that ended made room");
    }
}
