use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::program::{program, search_path};
use super::server::{Recipe, Server};

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A Redis of one test's own, without persistence.
#[derive(Debug)]
pub(crate) struct Redis {
    server: Server,
}

impl Redis {
    /// # Panics
    /// When `redis-server` is not installed, with the command that installs it, or does not answer within a minute.
    pub(crate) fn start() -> Self {
        let program = program("redis-server", "redis-server", &search_path());
        Self { server: Server::start(&RedisRecipe { program }) }
    }

    /// One on the port of another that was ended.
    ///
    /// # Panics
    /// As [`start`](Self::start), and when the port is taken.
    pub(crate) fn start_on(port: u16) -> Self {
        let program = program("redis-server", "redis-server", &search_path());
        Self { server: Server::start_on(&RedisRecipe { program }, port) }
    }

    /// Ends it at once: what it held is gone.
    pub(crate) fn stop(&mut self) {
        self.server.stop("KILL");
    }

    /// On the same port, and empty.
    pub(crate) fn start_again(&mut self) {
        let program = program("redis-server", "redis-server", &search_path());
        self.server.start_again(&RedisRecipe { program });
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.server.port())
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Sends one command in the inline form and reads until the answer contains `end`.
    pub(crate) fn ask(&self, command: &str, end: &str) -> io::Result<String> {
        ask(self.server.port(), command, end)
    }
}

struct RedisRecipe {
    program: PathBuf,
}

impl Recipe for RedisRecipe {
    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        command.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.arg("--dir").arg(folder).current_dir(folder);
        command
    }

    /// Redis replaces its command line by a title with its address.
    fn mark(&self, _folder: &Path, port: u16) -> String {
        format!("127.0.0.1:{port}")
    }

    fn is_ready(&self, _folder: &Path, port: u16, pid: u32) -> bool {
        let own = format!("process_id:{pid}\r\n");
        ask(port, "INFO server", &own).is_ok()
    }
}

fn ask(port: u16, command: &str, end: &str) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    if answer.contains(end) { Ok(answer) } else { Err(io::Error::other(answer)) }
}
