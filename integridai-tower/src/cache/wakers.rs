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
    /// Few have more than one.
    first: Option<Waker>,
    is_first_taken: bool,
    more: Vec<Option<Waker>>,
    /// Of the others.
    free: Vec<usize>,
}

impl Seats {
    fn take(&mut self) -> usize {
        if !self.is_first_taken {
            self.is_first_taken = true;
            return 0;
        }
        self.free.pop().unwrap_or_else(|| {
            self.more.push(None);
            self.more.len()
        })
    }

    fn give_back(&mut self, number: usize) -> Option<Waker> {
        match number {
            0 => self.is_first_taken = false,
            _ => self.free.push(number),
        }
        self.at(number).take()
    }

    fn at(&mut self, number: usize) -> &mut Option<Waker> {
        match number {
            0 => &mut self.first,
            _ => &mut self.more[number - 1],
        }
    }
}

/// The place of one task; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    number: usize,
    wakers: Arc<Wakers>,
}

impl Wakers {
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        let number = self.lock().take();
        Seat { number, wakers: Arc::clone(self) }
    }

    pub(super) fn taken(&self) -> usize {
        let seats = self.lock();
        usize::from(seats.is_first_taken) + seats.more.len() - seats.free.len()
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
        let mut seats = self.lock();
        let first = seats.first.take();
        let more: Vec<Waker> = seats.more.iter_mut().filter_map(Option::take).collect();
        drop(seats);
        first.into_iter().chain(more).for_each(Waker::wake);
    }
}

impl Seat {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Has this task woken next time.
    pub(super) fn wait(&self, waker: &Waker) {
        let mut seats = self.wakers.lock();
        let seat = seats.at(self.number);
        if !seat.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *seat = Some(waker.clone());
        }
    }

    /// Spares this task a wake-up for what it has already.
    pub(super) fn rest(&self) {
        let waker = self.wakers.lock().at(self.number).take();
        drop(waker);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let left = self.wakers.lock().give_back(self.number);
        drop(left);
    }
}
