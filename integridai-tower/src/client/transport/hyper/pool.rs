//! Connections that wait for their next request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body::Body;
use tokio::time::Instant;

use super::link::Link;

const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_IDLE_PER_HOST: usize = 256;

/// Idle connections by host, the one that was used last at the end.
pub(super) struct Pool<B: Body + 'static> {
    shelves: Mutex<Shelves<B>>,
}

struct Shelves<B: Body + 'static> {
    /// By text: to hash an `Authority`, which minds no case, costs more than the rest of a look-up.
    by_host: HashMap<Box<str>, Vec<Idle<B>>>,
    /// When hosts that are no longer called are looked through again.
    next_sweep: Option<Instant>,
}

struct Idle<B: Body + 'static> {
    link: Box<Link<B>>,
    until: Instant,
}

impl<B: Body + 'static> Default for Pool<B> {
    fn default() -> Self {
        Self { shelves: Mutex::new(Shelves { by_host: HashMap::new(), next_sweep: None }) }
    }
}

impl<B: Body + 'static> Pool<B> {
    /// The connection that was used last: the others may then grow old, and fewer are kept.
    pub(super) fn take(&self, host: &str) -> Option<Box<Link<B>>> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = shelves.by_host.get_mut(host)?.pop()?;
        drop(shelves);
        // If the youngest is too old, so are the others; they go one by one, or with the next sweep.
        (Instant::now() < idle.until).then_some(idle.link)
    }

    pub(super) fn put(&self, host: &str, link: Box<Link<B>>) {
        let now = Instant::now();
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let old = shelves.sweep(now);
        let shelf = shelves.of(host);
        let surplus = (shelf.len() >= MAX_IDLE_PER_HOST).then(|| shelf.remove(0));
        shelf.push(Idle { link, until: now + IDLE_TIMEOUT });
        drop(shelves);
        // Closing sockets takes system calls, and nobody should wait for those.
        drop((old, surplus));
    }
}

impl<B: Body + 'static> Shelves<B> {
    fn of(&mut self, host: &str) -> &mut Vec<Idle<B>> {
        if !self.by_host.contains_key(host) {
            self.by_host.insert(host.into(), Vec::new());
        }
        self.by_host.get_mut(host).expect("it was put there if it was missing")
    }

    /// Takes out what is too old, now and then.
    fn sweep(&mut self, now: Instant) -> Vec<Idle<B>> {
        if self.next_sweep.is_some_and(|next| now < next) {
            return Vec::new();
        }
        self.next_sweep = Some(now + IDLE_TIMEOUT);
        let mut old = Vec::new();
        self.by_host.retain(|_, shelf| {
            let kept_from = shelf.partition_point(|idle| idle.until <= now);
            old.extend(shelf.drain(..kept_from));
            !shelf.is_empty()
        });
        old
    }
}
