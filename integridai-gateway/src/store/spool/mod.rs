//! Rows on the disk for as long as the database takes none: bounded, in order, and still there after a crash.
//!
//! A folder holds segments, numbered files of records. Rows are appended to the newest, and each append is synced to
//! the disk before the rows leave the memory. They are read from the oldest, which is removed once all of it is in the
//! database. After a crash in between some rows are written once more; their ids tell the database that it has them.
//! A record that was torn off or damaged is passed over and counted; the ones around it are read. One process uses a
//! folder at a time.
mod frame;
mod kept;
mod segments;
#[cfg(test)]
mod tests;

use std::fs::TryLockError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use self::segments::{Reading, Segments};
use super::StoreError;
use super::lock::Lock;
use super::record::Entry;

/// Where rows wait on the disk, and how many bytes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolOptions {
    /// The folder. It is made if it is not there; the folder around it must be.
    pub path: PathBuf,
    /// How many bytes its files may have together.
    pub max_bytes: u64,
}

/// Why rows could not be appended.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    #[error("the spool is full")]
    Full,
    #[error(transparent)]
    Disk(#[from] io::Error),
}

#[derive(Debug)]
pub(super) struct Spool {
    segments: Segments,
    reading: Option<Reading>,
    rows: usize,
    damages: u64,
    _lock: Lock,
}

impl Spool {
    /// Opens the folder and counts what an earlier process left in it.
    pub(super) fn open(options: &SpoolOptions) -> Result<Self, StoreError> {
        let failed =
            |error: io::Error| StoreError::Spool { path: options.path.clone(), source: Arc::new(error) };
        match std::fs::create_dir(&options.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let lock = Lock::acquire(&options.path.join("lock")).map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Locked { path: options.path.clone() },
            TryLockError::Error(error) => failed(error),
        })?;
        let segments = Segments::open(options.path.clone(), options.max_bytes).map_err(failed)?;
        let rows = segments.count_rows().map_err(failed)?;
        Ok(Self { segments, reading: None, rows, damages: 0, _lock: lock })
    }

    /// Rows that wait.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Places where records were torn off or damaged.
    pub(super) fn damages(&self) -> u64 {
        self.damages
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reading.is_none() && self.segments.is_empty()
    }

    /// Keeps the rows, all or, as far as the caller is concerned, none.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), NotKept> {
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| frame::append(&kept::write(entry), &mut bytes));
        self.segments.append(&bytes)?;
        self.rows += entries.len();
        Ok(())
    }

    /// The oldest rows, at most so many; the same again until they are settled. None: the spool is empty.
    pub(super) fn oldest(&mut self, most: usize) -> io::Result<Vec<Entry>> {
        loop {
            let Some(reading) = &mut self.reading else {
                let Some(reading) = self.segments.oldest()? else {
                    self.rows = 0;
                    return Ok(Vec::new());
                };
                self.reading = Some(reading);
                continue;
            };
            let (entries, damages) = reading.peek(most);
            if !entries.is_empty() {
                return Ok(entries);
            }
            self.damages += damages;
            self.reading = None;
            self.segments.remove_oldest()?;
        }
    }

    /// What `oldest` gave last is in the database.
    pub(super) fn settle(&mut self) {
        if let Some(reading) = &mut self.reading {
            let (rows, damages) = reading.settle();
            self.rows = self.rows.saturating_sub(rows);
            self.damages += damages;
        }
    }
}
