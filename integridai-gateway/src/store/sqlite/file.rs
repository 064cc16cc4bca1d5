//! Whether the files on the disk are still those that are open: a write into a file that was removed succeeds, and
//! is lost.
use std::error::Error;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::StoreError;

/// The database and its write-ahead log, as they were when they were opened.
#[derive(Debug, Clone)]
pub(super) struct OpenFiles(Arc<[OpenFile]>);

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    identity: Identity,
    gone: &'static str,
    replaced: &'static str,
}

impl OpenFiles {
    /// Of a database that is open and was read: the log is there from the first read on.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let database = OpenFile::new(
            database.to_owned(),
            "the database file is gone",
            "the database file was replaced by another",
        )?;
        let log = OpenFile::new(
            log.into(),
            "the database's write-ahead log is gone",
            "the database's write-ahead log was replaced by another",
        )?;
        Ok(Self([database, log].into()))
    }

    /// # Errors
    ///
    /// When what is written now would be lost. A file that is moved back is taken up again; after anything else the
    /// gateway has to be started anew.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.0.iter().try_for_each(OpenFile::check)
    }
}

impl OpenFile {
    fn new(path: PathBuf, gone: &'static str, replaced: &'static str) -> io::Result<Self> {
        let identity = identity(&std::fs::metadata(&path)?);
        Ok(Self { path, identity, gone, replaced })
    }

    fn check(&self) -> Result<(), StoreError> {
        let found = std::fs::metadata(&self.path);
        match found.map(|metadata| identity(&metadata)) {
            Ok(found) if found == self.identity => Ok(()),
            Ok(_) => Err(lost(self.replaced, self.replaced.into())),
            Err(error) => Err(lost(self.gone, error.into())),
        }
    }
}

fn lost(reason: &'static str, source: Box<dyn Error + Send + Sync>) -> StoreError {
    StoreError::Failed { reason, source: source.into() }
}

/// The device and the number of the file on it.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;

    (metadata.dev(), metadata.ino())
}

/// Other systems keep a file that is open from being removed.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> Identity {}
