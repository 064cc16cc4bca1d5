//! Of many events the newest of each kind.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Delivery;

/// What is kept at most, give or take a page. When there is more the kept ones go out first: then a kind may come
/// more than once, and nothing is missing.
const MAX_KINDS: usize = 1_024;
const MAX_BYTES: usize = 1024 * 1024;

/// A way through the log that keeps the newest of each type, source and user.
#[derive(Debug)]
pub(super) struct Conflation {
    /// It ends here.
    pub(super) through: u64,
    /// It has come so far.
    pub(super) reached: u64,
    newest: HashMap<Kind, Delivery>,
    bytes: usize,
}

type Kind = (Box<str>, Box<str>, Option<Box<str>>);

impl Conflation {
    pub(super) fn new(after: u64, through: u64) -> Self {
        Self { through, reached: after, newest: HashMap::new(), bytes: 0 }
    }

    pub(super) fn keep(&mut self, delivery: Delivery) {
        let user = delivery.owner.clone().or_else(|| delivery.user_id.clone());
        let kind = (delivery.kind.clone(), delivery.source.clone(), user);
        self.bytes += delivery.frame.len();
        let older = self.newest.insert(kind, delivery);
        self.bytes -= older.map_or(0, |older| older.frame.len());
    }

    pub(super) fn is_over(&self) -> bool {
        self.reached >= self.through
    }

    pub(super) fn is_full(&self) -> bool {
        self.newest.len() >= MAX_KINDS || self.bytes >= MAX_BYTES
    }

    /// All that is kept, in the order of cursors.
    pub(super) fn take(&mut self) -> VecDeque<Arc<Delivery>> {
        self.bytes = 0;
        let mut kept: Vec<_> = std::mem::take(&mut self.newest).into_values().map(Arc::new).collect();
        kept.sort_unstable_by_key(|delivery| delivery.cursor);
        kept.into()
    }
}
