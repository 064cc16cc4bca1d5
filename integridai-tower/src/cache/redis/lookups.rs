//! Look-ups that are on their way, so that several requests for a URL share one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OnceCell;

use crate::cache::Resource;

#[derive(Default)]
pub(super) struct Lookups(Mutex<HashMap<u128, Weak<Lookup>>>);

pub(super) struct Lookup {
    url: u128,
    /// What had been changed when it began.
    pub(super) mark: u64,
    /// Filled by one of those who wait; by another one, should he leave.
    pub(super) found: OnceCell<Option<Arc<Resource>>>,
    all: Arc<Lookups>,
}

impl Lookups {
    /// The one for this URL, unless something was changed since it began.
    pub(super) fn join(
        self: &Arc<Self>,
        url: u128,
        mark: u64,
        is_unchanged_since: impl Fn(u64) -> bool,
    ) -> Arc<Lookup> {
        let mut known = self.lock();
        if let Some(lookup) = known.get(&url).and_then(Weak::upgrade) {
            if is_unchanged_since(lookup.mark) {
                return lookup;
            }
            // Without the lock: it may be the last of it.
            drop(known);
            drop(lookup);
            known = self.lock();
        }
        let lookup = Arc::new(Lookup { url, mark, found: OnceCell::new(), all: Arc::clone(self) });
        known.insert(url, Arc::downgrade(&lookup));
        lookup
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u128, Weak<Lookup>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        let mut known = self.all.lock();
        if known.get(&self.url).is_some_and(|lookup| lookup.strong_count() == 0) {
            known.remove(&self.url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_share_a_lookup_until_something_was_changed() {
        let lookups = Arc::new(Lookups::default());
        let first = lookups.join(1, 5, |_| true);
        assert!(Arc::ptr_eq(&first, &lookups.join(1, 6, |mark| mark == 5)));
        assert!(!Arc::ptr_eq(&first, &lookups.join(2, 6, |_| true)));
        let second = lookups.join(1, 7, |mark| mark == 7);
        assert!(!Arc::ptr_eq(&first, &second));
        drop(first);
        assert!(Arc::ptr_eq(&second, &lookups.join(1, 8, |_| true)));
        drop(second);
        assert!(lookups.lock().is_empty());
    }
}
