//! What is said again and again is said once, and counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::Metadata;
use tracing::callsite::Identifier;

/// Each warning and error is written once in so long; what is said again meanwhile is told as a number when it is over.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// So many different lines of one place in the program are written within the interval.
const MOST: usize = 20;

/// What was said lately, by the place in the program that said it: there are as many as the program has.
#[derive(Debug, Default)]
pub(super) struct Repeats(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    windows: HashMap<Identifier, Window>,
    /// When the first of them is over; none: there is none.
    next: Option<Instant>,
}

#[derive(Debug)]
struct Window {
    until: Instant,
    /// Digests of what was written.
    written: Vec<u64>,
    held: Held,
}

/// Lines that were not written.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) metadata: &'static Metadata<'static>,
    pub(super) message: String,
    pub(super) count: u64,
}

impl Repeats {
    /// Whether a line is to be written that this place says now; `digest` is of all that it says.
    pub(super) fn admit(
        &self,
        metadata: &'static Metadata<'static>,
        message: &str,
        digest: u64,
        now: Instant,
    ) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = now + INTERVAL;
        let window = said.windows.entry(metadata.callsite()).or_insert_with(|| Window {
            until,
            written: Vec::new(),
            held: Held { metadata, message: message.to_owned(), count: 0 },
        });
        let is_new = window.written.len() < MOST && !window.written.contains(&digest);
        if is_new {
            window.written.push(digest);
        } else {
            window.held.count += 1;
        }
        said.next.get_or_insert(until);
        is_new
    }

    /// What was held back in intervals that are over.
    pub(super) fn due(&self, now: Instant) -> Vec<Held> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let over = said.windows.extract_if(|_, window| window.until <= now);
        let held = over.map(|(_, window)| window.held).filter(|held| held.count > 0).collect();
        said.next = said.windows.values().map(|window| window.until).min();
        held
    }
}

#[cfg(test)]
mod tests {
    use tracing::Callsite;

    use super::*;

    fn metadata() -> &'static Metadata<'static> {
        let callsite = tracing::callsite!(name: "here", kind: tracing::metadata::Kind::EVENT, fields: );
        callsite.metadata()
    }

    #[test]
    fn a_flood_is_a_line_and_a_number_for_each_interval() {
        let (repeats, begin, here) = (Repeats::default(), Instant::now(), metadata());
        for interval in 0..3 {
            let at = begin + INTERVAL * interval;
            let written = (0..1_000).filter(|_| repeats.admit(here, "no luck", 7, at)).count();
            assert_eq!(written, 1, "in interval {interval}");
            assert!(repeats.due(at + INTERVAL / 2).is_empty(), "it is not over");
            let held = repeats.due(at + INTERVAL);
            assert_eq!(
                held.iter().map(|held| (held.message.as_str(), held.count)).collect::<Vec<_>>(),
                [("no luck", 999)]
            );
        }
        assert!(repeats.due(begin + INTERVAL * 100).is_empty());
    }

    #[test]
    fn lines_that_differ_are_all_written_up_to_a_bound() {
        let (repeats, begin, here) = (Repeats::default(), Instant::now(), metadata());
        let written = (0..1_000).filter(|digest| repeats.admit(here, "no luck", *digest, begin)).count();
        assert_eq!(written, MOST);
        assert_eq!(repeats.due(begin + INTERVAL)[0].count, 980);
    }
}
