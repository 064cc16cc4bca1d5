use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What one connection has asked for so far, and what follows from it.
#[derive(Debug)]
pub(super) struct Tally {
    bounds: Bounds,
    begun: AtomicU32,
    given_up: AtomicU32,
    upgraded: AtomicBool,
    multiplexed: AtomicBool,
    draining: AtomicBool,
}

/// How much one connection may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Requests, after which it is closed in order.
    pub(super) requests: u32,
    /// Requests that are given up before their answer, beyond which it is cut, once they are more than half of all.
    pub(super) given_up: u32,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may ask for more.
    GoOn,
    /// It may finish what it has asked for.
    Finish,
    /// It asks for what it does not want.
    Cut,
}

/// One request until its answer has begun.
#[derive(Debug)]
pub(super) struct Turn {
    tally: Arc<Tally>,
    is_answered: bool,
}

impl Tally {
    pub(super) fn new(bounds: Bounds) -> Self {
        let none = || AtomicU32::new(0);
        let no = || AtomicBool::new(false);
        Self { bounds, begun: none(), given_up: none(), upgraded: no(), multiplexed: no(), draining: no() }
    }

    pub(super) fn begin(self: &Arc<Self>) -> Turn {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Turn { tally: Arc::clone(self), is_answered: false }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let (begun, given_up) = (self.begun.load(Ordering::Relaxed), self.given_up.load(Ordering::Relaxed));
        if given_up > self.bounds.given_up && given_up > begun / 2 {
            Verdict::Cut
        } else if begun >= self.bounds.requests {
            Verdict::Finish
        } else {
            Verdict::GoOn
        }
    }

    /// Whether the next answer of HTTP/1 is the last.
    pub(super) fn is_ending(&self) -> bool {
        self.draining.load(Ordering::Relaxed) || self.verdict() != Verdict::GoOn
    }

    /// From here on each answer may be the last.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// It is HTTP/2, which has a way to say that it ends.
    pub(super) fn note_multiplexed(&self) {
        self.multiplexed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    /// From here on the connection is of another protocol.
    pub(super) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }
}

impl Turn {
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn answered(&mut self) {
        self.is_answered = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_answered {
            self.tally.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(requests: u32, given_up: u32) -> Arc<Tally> {
        Arc::new(Tally::new(Bounds { requests, given_up }))
    }

    #[test]
    fn after_its_last_request_a_connection_may_finish() {
        let tally = tally(3, 100);
        for expected in [Verdict::GoOn, Verdict::GoOn, Verdict::Finish, Verdict::Finish] {
            tally.begin().answered();
            assert_eq!(tally.verdict(), expected);
        }
    }

    #[test]
    fn who_gives_up_most_of_what_it_asks_for_is_cut() {
        let tally = tally(1_000, 10);
        for _ in 0..10 {
            drop(tally.begin());
            assert_eq!(tally.verdict(), Verdict::GoOn);
        }
        drop(tally.begin());
        assert_eq!(tally.verdict(), Verdict::Cut);
    }

    #[test]
    fn who_takes_most_answers_may_give_up_others() {
        let tally = tally(1_000, 10);
        for _ in 0..100 {
            tally.begin().answered();
            drop(tally.begin());
        }
        assert_eq!(tally.verdict(), Verdict::GoOn);
    }

    #[test]
    fn what_waits_for_its_answer_is_not_given_up() {
        let tally = tally(1_000, 0);
        let turns: Vec<Turn> = (0..50).map(|_| tally.begin()).collect();
        assert_eq!(tally.verdict(), Verdict::GoOn);
        drop(turns);
        assert_eq!(tally.verdict(), Verdict::Cut);
    }
}
