//! The files of a spool.
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{NotKept, frame, kept};
use crate::store::record::Entry;

/// When the next file begins.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
const SUFFIX: &str = "rows";

#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    max_bytes: u64,
    /// Oldest first.
    files: VecDeque<Segment>,
    /// The newest, as long as it is appended to; a file of an earlier process never is, for its end may be torn off.
    open: Option<File>,
    next: u64,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
}

impl Segments {
    pub(super) fn open(folder: PathBuf, max_bytes: u64) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if let Some(number) = number_of(&entry.path()) {
                files.push(Segment { number, bytes: entry.metadata()?.len() });
            }
        }
        files.sort_by_key(|segment| segment.number);
        let next = files.last().map_or(1, |segment| segment.number.saturating_add(1));
        Ok(Self { folder, max_bytes, files: files.into(), open: None, next })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Reads them all, one after the other.
    pub(super) fn count_rows(&self) -> io::Result<usize> {
        let mut rows = 0;
        for segment in &self.files {
            let bytes = fs::read(self.path(segment.number))?;
            let mut found = frame::find(&bytes, 0);
            while found.text.is_some() {
                rows += 1;
                found = frame::find(&bytes, found.next);
            }
        }
        Ok(rows)
    }

    /// Appends, and waits until the disk has it. After a failure what was written of it lies at the end of a file that
    /// is not appended to any more; should it be whole, the row is there twice, and its id tells.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), NotKept> {
        let used: u64 = self.files.iter().map(|segment| segment.bytes).sum();
        if used.saturating_add(bytes.len() as u64) > self.max_bytes {
            return Err(NotKept::Full);
        }
        if self.open.is_none() || self.files.back().is_none_or(|newest| newest.bytes >= SEGMENT_BYTES) {
            self.begin()?;
        }
        let (Some(file), Some(newest)) = (&mut self.open, self.files.back_mut()) else {
            return Err(NotKept::Disk(io::ErrorKind::NotFound.into()));
        };
        let written = file.write_all(bytes).and_then(|()| file.sync_data());
        newest.bytes = newest.bytes.saturating_add(bytes.len() as u64);
        if written.is_err() {
            self.open = None;
        }
        Ok(written?)
    }

    fn begin(&mut self) -> io::Result<()> {
        self.open = None;
        let number = self.next;
        let file = File::options().create_new(true).append(true).open(self.path(number))?;
        self.files.push_back(Segment { number, bytes: 0 });
        self.next = number.saturating_add(1);
        // The name of the file has to be on the disk as well.
        File::open(&self.folder)?.sync_all()?;
        self.open = Some(file);
        Ok(())
    }

    /// The oldest file, which is not appended to from now on.
    pub(super) fn oldest(&mut self) -> io::Result<Option<Reading>> {
        let Some(oldest) = self.files.front() else { return Ok(None) };
        let bytes = fs::read(self.path(oldest.number))?;
        if self.files.len() == 1 {
            self.open = None;
        }
        Ok(Some(Reading { bytes, settled: 0, given: None }))
    }

    pub(super) fn remove_oldest(&mut self) -> io::Result<()> {
        let Some(oldest) = self.files.front() else { return Ok(()) };
        fs::remove_file(self.path(oldest.number))?;
        self.files.pop_front();
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:020}.{SUFFIX}"))
    }
}

fn number_of(path: &Path) -> Option<u64> {
    (path.extension()? == SUFFIX).then(|| path.file_stem()?.to_str()?.parse().ok()).flatten()
}

/// A file that is read.
#[derive(Debug)]
pub(super) struct Reading {
    bytes: Vec<u8>,
    /// Everything before this is in the database.
    settled: usize,
    given: Option<Given>,
}

#[derive(Debug, Clone, Copy)]
struct Given {
    end: usize,
    rows: usize,
    damages: u64,
}

impl Reading {
    /// The next rows, and how many places were damaged before their end.
    pub(super) fn peek(&mut self, most: usize) -> (Vec<Entry>, u64) {
        let mut entries = Vec::new();
        let mut given = Given { end: self.settled, rows: 0, damages: 0 };
        while entries.len() < most.max(1) {
            let found = frame::find(&self.bytes, given.end);
            given.damages += u64::from(found.is_damaged);
            given.end = found.next;
            let Some(text) = found.text else { break };
            given.rows += 1;
            match kept::read(text) {
                Some(entry) => entries.push(entry),
                None => given.damages += 1,
            }
        }
        self.given = Some(given);
        (entries, given.damages)
    }

    /// What was given last is in the database; answers how many records that were, and how many places were damaged.
    pub(super) fn settle(&mut self) -> (usize, u64) {
        let Some(given) = self.given.take() else { return (0, 0) };
        self.settled = given.end;
        (given.rows, given.damages)
    }
}
