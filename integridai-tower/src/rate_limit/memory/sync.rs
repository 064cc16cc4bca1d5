//! The lock of a shard, and what is changed without it; loom's where a model is checked.

#[cfg(loom)]
use loom::sync::Mutex as Inner;
#[cfg(loom)]
pub(super) use loom::sync::MutexGuard;
#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::Mutex as Inner;
#[cfg(not(loom))]
pub(super) use std::sync::MutexGuard;
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{PoisonError, TryLockError};

#[derive(Debug)]
pub(super) struct Mutex<T>(Inner<T>);

/// Nothing that is done under it leaves a shard half changed, so a panic elsewhere does not matter.
impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Inner::new(value))
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` where it is held.
    #[inline]
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
