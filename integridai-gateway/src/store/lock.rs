//! A file that one process holds at a time.
use std::fs::{File, TryLockError};
use std::path::Path;

/// The lock of the operating system on a file of its own: it goes with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn acquire(path: &Path) -> Result<Self, TryLockError> {
        let file = File::options().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(TryLockError::Error)?;
        file.try_lock()?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a program that this process is about to start holds it too, until it is another.
    fn drop(&mut self) {
        // It fails where there is no lock any more.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_let_go_is_free_though_a_program_that_was_just_started_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Lock::acquire(&path).unwrap();
        let inherited = lock.0.try_clone().unwrap();
        assert!(matches!(Lock::acquire(&path), Err(TryLockError::WouldBlock)));
        drop(lock);
        Lock::acquire(&path).unwrap();
        drop(inherited);
    }
}
