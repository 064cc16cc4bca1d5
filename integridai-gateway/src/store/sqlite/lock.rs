//! One process per database file.
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::StoreError;
use crate::store::lock::Lock;

/// Takes the lock on `<path>.lock`.
pub(super) fn acquire(path: &Path) -> Result<Lock, StoreError> {
    Lock::acquire(&lock_path(path)).map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::Locked { path: path.to_owned() },
        TryLockError::Error(error) => StoreError::Lock { path: path.to_owned(), source: Arc::new(error) },
    })
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
