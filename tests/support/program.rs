use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders in which programs are looked for: those of `PATH`.
pub(crate) fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

/// Debian keeps the servers of PostgreSQL out of `PATH`, one folder per version; the newest comes first.
pub(crate) fn postgresql_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let version = folder.file_name()?.to_str()?.parse().ok()?;
            Some((version, folder.join("bin")))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// Finds a program, or fails the test with the command that installs it: a test is never skipped.
pub(crate) fn program(name: &str, package: &str, folders: &[PathBuf]) -> PathBuf {
    let is_there = |path: &PathBuf| Path::is_file(path);
    folders.iter().map(|folder| folder.join(name)).find(is_there).unwrap_or_else(|| {
        panic!("{name} is missing: apt-get install -y --no-install-recommends {package}");
    })
}
