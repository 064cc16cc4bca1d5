use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A file of certificates or keys that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct TlsError {
    file: String,
    reason: String,
}

impl TlsError {
    pub(super) fn new(file: impl fmt::Display, reason: &str) -> Self {
        Self { file: file.to_string(), reason: reason.to_owned() }
    }

    pub(super) fn of(path: &Path, reason: impl fmt::Display) -> Self {
        Self::new(path.display(), &reason.to_string())
    }
}

/// What is made of the contents of files.
pub(super) trait Make {
    type Made;

    /// The files, in the order in which their contents are handed over.
    fn paths(&self) -> Vec<PathBuf>;

    fn make(&self, contents: &[Vec<u8>]) -> Result<Self::Made, TlsError>;

    /// Whether it may take the place of what was made before.
    fn check_new(&self, _: &Self::Made) -> Result<(), TlsError> {
        Ok(())
    }
}

/// What was made of files last, and what they looked like then or since.
#[derive(Debug)]
pub(super) struct Kept<S: Make> {
    pub(super) source: S,
    pub(super) made: S::Made,
    seen: Seen,
}

/// What files looked like.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Digest([u8; 32]),
    /// With why.
    Unreadable(String),
}

impl<S: Make> Kept<S> {
    pub(super) fn read(source: S) -> Result<Self, TlsError> {
        let contents = contents(&source)?;
        let made = source.make(&contents)?;
        Ok(Self { source, made, seen: Seen::Digest(digest(&contents)) })
    }

    /// Whether there is something new. By content, since a file that was renamed into its place may be older than the one
    /// before; what cannot be used is told once, and what was made before stays.
    pub(super) fn look(&mut self) -> Result<bool, TlsError> {
        let contents = match contents(&self.source) {
            Ok(contents) => contents,
            Err(error) => {
                let is_new = self.sees(Seen::Unreadable(error.to_string()));
                return if is_new { Err(error) } else { Ok(false) };
            }
        };
        if !self.sees(Seen::Digest(digest(&contents))) {
            return Ok(false);
        }
        let made = self.source.make(&contents)?;
        self.source.check_new(&made)?;
        self.made = made;
        Ok(true)
    }

    fn sees(&mut self, seen: Seen) -> bool {
        let is_new = self.seen != seen;
        self.seen = seen;
        is_new
    }
}

fn contents(source: &impl Make) -> Result<Vec<Vec<u8>>, TlsError> {
    let read = |path: PathBuf| std::fs::read(&path).map_err(|error| TlsError::of(&path, error));
    source.paths().into_iter().map(read).collect()
}

fn digest(contents: &[Vec<u8>]) -> [u8; 32] {
    let mut whole = Sha256::new();
    for content in contents {
        whole.update(content.len().to_be_bytes());
        whole.update(content);
    }
    whole.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number(PathBuf);

    impl Make for Number {
        type Made = u32;

        fn paths(&self) -> Vec<PathBuf> {
            vec![self.0.clone()]
        }

        fn make(&self, contents: &[Vec<u8>]) -> Result<u32, TlsError> {
            let text = std::str::from_utf8(&contents[0]).map_err(|error| TlsError::of(&self.0, error))?;
            text.parse().map_err(|error| TlsError::of(&self.0, error))
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_once_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("1");
        let mut kept = Kept::read(Number(path.clone())).unwrap();
        assert!(!kept.look().unwrap());
        write("x");
        assert!(kept.look().is_err() && !kept.look().unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(kept.look().is_err() && !kept.look().unwrap());
        assert_eq!(kept.made, 1);
        write("2");
        assert!(kept.look().unwrap() && !kept.look().unwrap());
        assert_eq!(kept.made, 2);
    }
}
