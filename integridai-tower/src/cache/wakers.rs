//! One waker for work that several tasks wait for: whichever of them is polled next drives it on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Wakes all who have a seat.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// The place of one task; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    number: usize,
    wakers: Arc<Wakers>,
}

impl Wakers {
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        let mut seats = self.lock();
        let number = seats.free.pop().unwrap_or_else(|| {
            seats.wakers.push(None);
            seats.wakers.len() - 1
        });
        Seat { number, wakers: Arc::clone(self) }
    }

    pub(super) fn taken(&self) -> usize {
        let seats = self.lock();
        seats.wakers.len() - seats.free.len()
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Woken without the lock: a task may be polled, or dropped with its seat, at once.
        let wakers: Vec<Waker> = self.lock().wakers.iter_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Seat {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Has this task woken next time.
    pub(super) fn wait(&self, waker: &Waker) {
        let mut seats = self.wakers.lock();
        let seat = &mut seats.wakers[self.number];
        if !seat.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *seat = Some(waker.clone());
        }
    }

    /// Spares this task a wake-up for what it has already.
    pub(super) fn rest(&self) {
        let waker = self.wakers.lock().wakers[self.number].take();
        drop(waker);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.wakers.lock();
        let left = if self.number + 1 == seats.wakers.len() {
            seats.wakers.pop().flatten()
        } else {
            seats.free.push(self.number);
            seats.wakers[self.number].take()
        };
        drop(seats);
        drop(left);
    }
}
