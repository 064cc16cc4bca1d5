//! A server in a process of its own, which answers each line with the bytes of its heap.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Where a server listens, and on which paths.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) subscribe: String,
    pub(crate) publish: String,
}

pub(crate) struct Process {
    pub(crate) served: Served,
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// `None` where it is not installed.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let mut command = if name == "npm ws" {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/realtime/npm_ws");
            if !folder.join("node_modules/ws").exists() {
                return None;
            }
            let mut command = Command::new("node");
            command.arg("--expose-gc").arg(folder.join("server.mjs"));
            command
        } else {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["serve", name]);
            command
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let asks = child.stdin.take().expect("a pipe");
        let mut answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("it says where it is");
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or_else(|| panic!("{name} does not start: {line}"));
        let address = word().parse().expect("an address");
        let served = Served { address, subscribe: word().to_owned(), publish: word().to_owned() };
        Some(Self { served, child, asks, answers })
    }

    /// The bytes that it has allocated and not freed.
    pub(crate) fn heap(&mut self) -> Option<f64> {
        // What the last connections have begun is done by then.
        std::thread::sleep(std::time::Duration::from_secs(1));
        self.asks.write_all(b"heap\n").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        line.trim().parse().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other side of [`Process::heap`], for the life of the process.
pub(crate) fn answer_heaps() {
    std::thread::spawn(|| {
        for _ in std::io::stdin().lines() {
            let stats = crate::HEAP.stats();
            println!("{}", stats.bytes_allocated as i64 - stats.bytes_deallocated as i64);
        }
        std::process::exit(0);
    });
}

/// Answers how many there may be.
pub(crate) fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be raised up to the hard one");
    limit.maximum.unwrap_or(u64::MAX)
}
