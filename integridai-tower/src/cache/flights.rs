//! Which answers are on their way, so that several requests can share one.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::key::ByDigest;

/// By what is asked for: a URL, and the fields that select among its variants.
pub(super) struct Flights {
    flights: Mutex<Known>,
    /// Until when it is known that the answer is not for several; seconds since 1970.
    alone: Cache<u128, u64, UnitWeighter, ByDigest>,
    /// Whether anything is known of that kind.
    is_any_alone: AtomicBool,
}

type Known = HashMap<u128, Weak<dyn Any + Send + Sync>, ByDigest>;

const REMEMBERED: usize = 4096;

/// How long what could not be shared is not tried to be, in seconds.
const ALONE: u64 = 10;

impl Default for Flights {
    fn default() -> Self {
        let (room, lifecycle) = (REMEMBERED as u64, DefaultLifecycle::default());
        let alone = Cache::with(REMEMBERED, room, UnitWeighter, ByDigest::default(), lifecycle);
        Self { flights: Mutex::default(), alone, is_any_alone: AtomicBool::new(false) }
    }
}

impl Flights {
    /// The flight for this, or the one that is made.
    pub(super) fn board<F: Any + Send + Sync>(
        &self,
        id: u128,
        make: impl Fn() -> Arc<F>,
        may_join: impl Fn(&F) -> bool,
    ) -> (Arc<F>, bool) {
        // One that cannot be joined gives way to a new one, unless another has taken its place meanwhile.
        let mut given_up: Option<Weak<dyn Any + Send + Sync>> = None;
        loop {
            let mut flights = self.lock();
            let known =
                flights.get(&id).filter(|known| !given_up.as_ref().is_some_and(|gone| gone.ptr_eq(known)));
            let Some(known) = known.and_then(Weak::upgrade) else {
                let flight = make();
                let weak: Weak<F> = Arc::downgrade(&flight);
                flights.insert(id, weak);
                return (flight, true);
            };
            // Without the lock: what is dropped here may be the last of a flight, which then leaves.
            drop(flights);
            given_up = Some(Arc::downgrade(&known));
            if let Ok(flight) = known.downcast::<F>()
                && may_join(&flight)
            {
                return (flight, false);
            }
        }
    }

    /// Nobody is to join it any longer.
    pub(super) fn close(&self, id: u128, flight: *const ()) {
        let mut flights = self.lock();
        if flights.get(&id).is_some_and(|known| std::ptr::eq(known.as_ptr().cast(), flight)) {
            flights.remove(&id);
        }
    }

    pub(super) fn note_alone(&self, id: u128, now: u64) {
        self.alone.insert(id, now + ALONE);
        self.is_any_alone.store(true, Ordering::Relaxed);
    }

    pub(super) fn note_shared(&self, id: u128) {
        if self.is_any_alone.load(Ordering::Relaxed) {
            self.alone.remove(&id);
        }
    }

    pub(super) fn is_alone(&self, id: u128, now: u64) -> bool {
        self.is_any_alone.load(Ordering::Relaxed) && self.alone.get(&id).is_some_and(|until| now < until)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
