//! One process per database file.
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::StoreError;

/// Takes the lock of the operating system on `<path>.lock`: it goes with the process, however that ends.
pub(super) fn acquire(path: &Path) -> Result<File, StoreError> {
    let broken = |error| StoreError::Lock { path: path.to_owned(), source: Arc::new(error) };
    let file =
        File::options().create(true).truncate(false).write(true).open(lock_path(path)).map_err(broken)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(broken(error)),
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
