use super::KeyBy;
use crate::rate_limit::{Key, RequestHead};

/// By two things together; see [`KeyBy::and`].
#[derive(Debug, Clone)]
pub struct Both<A, B>(A, B);

impl<A, B> Both<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Self(first, second)
    }
}

impl<A: KeyBy, B: KeyBy> KeyBy for Both<A, B> {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        let first = self.0.key(request)?;
        Some(first.join(&self.1.key(request)?))
    }
}

/// By the first of two that there is; see [`KeyBy::or`].
#[derive(Debug, Clone)]
pub struct Either<A, B>(A, B);

impl<A, B> Either<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Self(first, second)
    }
}

impl<A: KeyBy, B: KeyBy> KeyBy for Either<A, B> {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        // Somebody who names himself as another's address would be must not share its quota.
        let second = || self.1.key(request).map(Key::of_second);
        self.0.key(request).map(Key::of_first).or_else(second)
    }
}
