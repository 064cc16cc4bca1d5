use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::port::free_port;

const ATTEMPTS: usize = 5;
const READY_WITHIN: Duration = Duration::from_secs(60);
const ENDED_WITHIN: Duration = Duration::from_secs(10);
const POLL_EVERY: Duration = Duration::from_millis(5);
const FOLDER_PREFIX: &str = "integridai-test-";

/// How one kind of server is started.
pub(crate) trait Recipe {
    /// Prepares the folder and answers the command that serves on the port.
    fn command(&self, folder: &Path, port: u16) -> Command;

    /// What the command line of the running process contains, and that of no other process.
    fn mark(&self, folder: &Path, port: u16) -> String;

    /// Whether this very process, and not another one on its port, answers.
    fn is_ready(&self, folder: &Path, port: u16, pid: u32) -> bool;
}

/// A server of one test's own, on a free loopback port; ended, and its folder removed, when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
    record: Record,
}

impl Server {
    pub(crate) fn start(recipe: &impl Recipe) -> Self {
        reap_orphans();
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(recipe, free_port()) {
                Ok(server) => return server,
                Err(said) => log = said,
            }
        }
        panic!("no server after {ATTEMPTS} attempts; the last one said:\n{log}");
    }

    /// On a port that is known to be free.
    pub(crate) fn start_on(recipe: &impl Recipe, port: u16) -> Self {
        Self::attempt(recipe, port).unwrap_or_else(|log| panic!("no server on port {port}:\n{log}"))
    }

    /// Fails with the server's log when it ends before it is ready: its port may have been taken meanwhile.
    fn attempt(recipe: &impl Recipe, port: u16) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir().expect("a temporary folder");
        let mut record = Record::create();
        record.write(&folder.path().display().to_string());
        let log_path = folder.path().join("log");
        let child = spawn(recipe, folder.path(), port);
        let mut server = Self { child, port, folder, record };
        server.record.write(&server.child.id().to_string());
        server.record.write(&recipe.mark(server.folder.path(), port));
        if server.wait_until_ready(recipe) {
            return Ok(server);
        }
        Err(fs::read_to_string(log_path).unwrap_or_default())
    }

    fn wait_until_ready(&mut self, recipe: &impl Recipe) -> bool {
        let pid = self.child.id();
        let mut ready = false;
        wait_until(READY_WITHIN, || {
            ready = recipe.is_ready(self.folder.path(), self.port, pid);
            ready || self.has_ended()
        });
        ready
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_some()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A shell that ends the server and removes its folder once this process has ended, however that was: then the
    /// pipe that the shell reads from is closed.
    pub(crate) fn end_with_this_process(&self) {
        let script = "read -r never; kill -INT $0; while kill -0 $0; do sleep 0.05; done; rm -rf \"$1\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, &self.pid().to_string()]).arg(self.folder());
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        std::mem::forget(shell.spawn().expect("a shell"));
    }

    /// Ends the process and keeps its folder and its port; `how` is the signal.
    pub(crate) fn stop(&mut self, how: &str) {
        signal(how, self.pid());
        assert!(wait_until(READY_WITHIN, || self.has_ended()), "the server does not end");
    }

    /// Starts the process again, in the same folder and on the same port, which a connection of somebody else's may have
    /// for a moment.
    pub(crate) fn start_again(&mut self, recipe: &impl Recipe) {
        let is_ready = wait_until(READY_WITHIN, || {
            self.child = spawn(recipe, self.folder.path(), self.port);
            self.record.rewrite(&[
                self.folder.path().display().to_string(),
                self.child.id().to_string(),
                recipe.mark(self.folder.path(), self.port),
            ]);
            self.wait_until_ready(recipe)
        });
        assert!(is_ready, "the server does not start again");
    }

    /// Gives up the claim on the record, as a killed test run does: the next start anywhere ends this server.
    pub(crate) fn disown(&mut self) {
        self.record.file = None;
    }
}

fn spawn(recipe: &impl Recipe, folder: &Path, port: u16) -> Child {
    let mut command = recipe.command(folder, port);
    let log = File::create(folder.join("log")).expect("a log in the server's folder");
    let errors = log.try_clone().expect("a second handle of the log");
    command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("the server starts")
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.has_ended() {
            signal("INT", self.pid());
        }
        if !wait_until(ENDED_WITHIN, || self.has_ended()) {
            self.child.kill().expect("a child may be killed");
            self.child.wait().expect("a killed child ends");
        }
    }
}

/// A file under `target/` with the folder, the process and the mark of a server, locked as long as its owner lives.
#[derive(Debug)]
struct Record {
    path: PathBuf,
    file: Option<File>,
}

impl Record {
    fn create() -> Self {
        let (file, path) = tempfile::Builder::new()
            .suffix(".server")
            .tempfile_in(records_folder())
            .and_then(|file| file.keep().map_err(Into::into))
            .expect("a file under target/");
        file.lock().expect("a lock on a new file");
        Self { path, file: Some(file) }
    }

    fn write(&mut self, line: &str) {
        let file = self.file.as_mut().expect("its owner holds it");
        writeln!(file, "{line}").expect("a line in a file under target/");
    }

    fn rewrite(&mut self, lines: &[String]) {
        let file = self.file.as_mut().expect("its owner holds it");
        file.set_len(0).and_then(|()| file.rewind()).expect("a file under target/ can be emptied");
        lines.iter().for_each(|line| self.write(line));
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Another run may have cleaned target/ meanwhile; then nothing is left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

fn records_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("servers");
    fs::create_dir_all(&folder).expect("a folder under target/");
    folder
}

/// Ends the servers of runs that were killed: their records are no longer locked.
pub(crate) fn reap_orphans() {
    for entry in fs::read_dir(records_folder()).expect("a folder under target/").flatten() {
        let Ok(mut file) = File::options().read(true).write(true).open(entry.path()) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        let mut text = String::new();
        let is_read = file.read_to_string(&mut text).is_ok();
        // An empty record belongs to a run that has not locked it yet.
        if is_read && !text.is_empty() && reap(&text) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Fails while something, an `initdb` that outlived its caller, still writes into the folder: the next run tries again.
fn reap(record: &str) -> bool {
    let mut lines = record.lines();
    let folder = Path::new(lines.next().unwrap_or_default());
    if let (Some(Ok(pid)), Some(mark)) = (lines.next().map(str::parse), lines.next()) {
        end(pid, mark);
    }
    let is_ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FOLDER_PREFIX));
    !is_ours || fs::remove_dir_all(folder).is_ok() || !folder.exists()
}

fn end(pid: u32, mark: &str) {
    if is_running(pid, mark) {
        signal("INT", pid);
        if !wait_until(ENDED_WITHIN, || !is_running(pid, mark)) {
            signal("KILL", pid);
        }
    }
}

/// Whether a process runs under this id whose command line contains the mark: an id alone may be another's by now.
pub(crate) fn is_running(pid: u32, mark: &str) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).or_else(|_| {
        Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().map(|found| found.stdout)
    });
    line.is_ok_and(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(mark))
}

/// The shell's own `kill` is there on every machine, a program of that name is not.
fn signal(name: &str, pid: u32) {
    let script = format!("kill -{name} {pid} 2>/dev/null");
    Command::new("sh").args(["-c", &script]).status().expect("a shell");
}

pub(crate) fn wait_until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::park_timeout(POLL_EVERY);
    }
}
