use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::{postgresql_folders, program, search_path};
use super::server::{Recipe, Server};

/// A PostgreSQL of one test's own, tuned to forget: nothing is synced to the disk.
#[derive(Debug)]
pub(crate) struct Postgres {
    server: Server,
    recipe: PostgresRecipe,
    psql: PathBuf,
}

impl Postgres {
    /// # Panics
    /// When PostgreSQL is not installed, with the command that installs it, or is not ready within a minute.
    pub(crate) fn start() -> Self {
        let folders: Vec<PathBuf> = postgresql_folders().into_iter().chain(search_path()).collect();
        let initdb = program("initdb", "postgresql", &folders);
        let beside = [initdb.parent().expect("a program lies in a folder").to_owned()];
        let postgres = program("postgres", "postgresql", &beside);
        let psql = program("psql", "postgresql", &beside);
        let recipe = PostgresRecipe { initdb, postgres };
        Self { server: Server::start(&recipe), recipe, psql }
    }

    /// Ends the server at once; its data stay, as after a crash of the machine's power.
    pub(crate) fn stop(&mut self) {
        self.server.stop("QUIT");
    }

    /// On the same port, with the same data.
    pub(crate) fn start_again(&mut self) {
        self.server.start_again(&self.recipe);
    }

    /// For one that is never dropped, because many tests share it.
    pub(crate) fn end_with_this_process(&self) {
        self.server.end_with_this_process();
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.server.port())
    }

    /// Makes an empty database and answers its URL.
    pub(crate) fn create_database(&self, name: &str) -> String {
        self.query("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.url(name)
    }

    /// Runs one statement through `psql` and answers what it prints, unaligned and without headings.
    pub(crate) fn query(&self, database: &str, statement: &str) -> String {
        let answer = Command::new(&self.psql)
            .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", statement])
            .output()
            .expect("psql starts");
        assert!(answer.status.success(), "{statement}: {}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }
}

#[derive(Debug)]
struct PostgresRecipe {
    initdb: PathBuf,
    postgres: PathBuf,
}

impl PostgresRecipe {
    fn make_data(&self, data: &Path, account: Option<(u32, u32)>) {
        let made = as_account(&self.initdb, account)
            .arg("-D")
            .arg(data)
            .args(["-U", "postgres", "--auth=trust", "--no-sync", "--no-instructions"])
            .args(["--encoding=UTF8", "--locale=C"])
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    }
}

impl Recipe for PostgresRecipe {
    fn command(&self, folder: &Path, port: u16) -> Command {
        let account = account_for(folder);
        let data = folder.join("data");
        if !data.exists() {
            self.make_data(&data, account);
        }
        let mut command = as_account(&self.postgres, account);
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "full_page_writes=off",
            "shared_buffers=64MB",
            "max_connections=60",
        ] {
            command.args(["-c", setting]);
        }
        command
    }

    fn mark(&self, folder: &Path, _port: u16) -> String {
        folder.join("data").display().to_string()
    }

    /// The server writes its state into the eighth line of its own pid file.
    fn is_ready(&self, folder: &Path, _port: u16, pid: u32) -> bool {
        let state = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        let mut lines = state.lines();
        lines.next() == Some(&pid.to_string()) && lines.nth(6).map(str::trim) == Some("ready")
    }
}

/// PostgreSQL refuses to run as root: there it runs as the account that its package makes, which then owns the folder.
fn account_for(folder: &Path) -> Option<(u32, u32)> {
    // The folder itself was given away before, when its server is started once more.
    let ours = tempfile::tempfile().and_then(|file| file.metadata()).expect("a temporary file");
    let is_root = ours.uid() == 0;
    is_root.then(|| {
        let accounts = fs::read_to_string("/etc/passwd").expect("a list of accounts");
        let line = accounts.lines().find(|line| line.starts_with("postgres:"));
        let mut ids = line.into_iter().flat_map(|line| line.split(':').skip(2)).flat_map(str::parse);
        let (user, group) = ids.next().zip(ids.next()).expect("the package made the account postgres");
        chown(folder, Some(user), Some(group)).expect("root gives its folder away");
        (user, group)
    })
}

/// The account may not read the caller's folder, so the program starts in `/`.
fn as_account(program: &Path, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}
