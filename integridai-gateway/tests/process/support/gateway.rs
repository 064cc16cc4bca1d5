//! A gateway that runs as a child of the test.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::within;

/// Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    pid: u32,
    stdout: Lines,
    stderr: Lines,
    pub(crate) address: SocketAddr,
}

/// Where nothing listens: the address of a gateway that was not waited for.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Gateway {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gateway can be started");
        let pid = child.id().expect("nobody has waited for it yet");
        let stdout = Lines::of(child.stdout.take().expect("it is piped"));
        let stderr = Lines::of(child.stderr.take().expect("it is piped"));
        Self { child, pid, stdout, stderr, address: NOWHERE }
    }

    /// Waits until it says where it listens.
    pub(crate) async fn listening(mut self) -> Self {
        match self.stdout.find(address).await {
            Some(address) => Self { address, ..self },
            None => panic!("the gateway did not start: {:?} {:?}", self.stdout.all(), self.stderr.all()),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whoever read the standard output is gone.
    pub(crate) fn close_stdout(&self) {
        self.stdout.reader.abort();
    }

    /// Whoever read the standard output is still there and takes nothing more.
    pub(crate) fn stop_reading(&self) {
        self.stdout.paused.send_replace(true);
    }

    /// What it has logged so far, line by line.
    pub(crate) fn log(&self) -> Vec<String> {
        self.stdout.all()
    }

    /// Waits for a log line with this message.
    pub(crate) async fn says(&mut self, message: &str) {
        let said = self.stdout.find(|line| (json(line)?["message"] == message).then_some(())).await;
        assert!(said.is_some(), "{message:?} is not in {:?}", self.log());
    }

    /// Waits for a log line with something in it.
    #[cfg(feature = "tls")]
    pub(crate) async fn finds<T>(&mut self, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let found = self.stdout.find(|line| wanted(&json(line)?)).await;
        found.unwrap_or_else(|| panic!("it is not in {:?}", self.log()))
    }

    /// Waits for a line with this text in it.
    pub(crate) async fn prints(&mut self, text: &str) {
        let printed = self.stdout.find(|line| line.contains(text).then_some(())).await;
        assert!(printed.is_some(), "{text:?} is not in {:?}", self.log());
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.pid);
    }

    /// Like a power cut, as far as a process can tell.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// SIGTERM, and then the end.
    pub(crate) async fn stop(self) -> Exit {
        self.signal("TERM");
        self.exit().await
    }

    pub(crate) async fn exit(mut self) -> Exit {
        let status = within("the end of the gateway", self.child.wait()).await.expect("a child ends");
        let exit = Exit {
            code: status.code(),
            log: self.stdout.rest().await,
            errors: self.stderr.rest().await.join("\n"),
        };
        assert!(!exit.errors.contains("panicked"), "{}", exit.errors);
        exit
    }
}

/// How a gateway ended.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) log: Vec<String>,
    pub(crate) errors: String,
}

/// One of the streams of a process, read to its end whether anybody looks or not.
#[derive(Debug)]
struct Lines {
    lines: watch::Receiver<Vec<String>>,
    paused: watch::Sender<bool>,
    reader: JoinHandle<()>,
}

impl Lines {
    fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        let (paused, mut allowed) = watch::channel(false);
        let reader = tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                sender.send_modify(|lines| lines.push(line));
                // It only fails when nobody can pause it any more.
                let _ = allowed.wait_for(|paused| !paused).await;
            }
        });
        Self { lines, paused, reader }
    }

    fn all(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// `None` when the stream ended without such a line.
    async fn find<T>(&mut self, mut wanted: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let mut seen = 0;
        let mut found = None;
        let look = self.lines.wait_for(|lines| {
            found = lines[seen..].iter().find_map(|line| wanted(line));
            seen = lines.len();
            found.is_some()
        });
        let ended = within("a line of the log", look).await.is_err();
        if ended { None } else { found }
    }

    async fn rest(self) -> Vec<String> {
        self.paused.send_replace(false);
        if let Err(error) = within("the end of a stream", self.reader).await {
            assert!(error.is_cancelled(), "{error}");
        }
        self.lines.borrow().clone()
    }
}

fn json(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// In the log line of `serve`, or on the page of `demo`.
fn address(line: &str) -> Option<SocketAddr> {
    match line.strip_prefix("IntegridAI Gateway") {
        Some(url) => url.trim().strip_prefix("http://")?.parse().ok(),
        None => json(line)?["address"].as_str()?.parse().ok(),
    }
}

fn signal(name: &str, pid: u32) {
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -s {name} {pid}")]).status();
    assert!(sent.expect("there is a shell").success(), "SIG{name} could not be sent");
}
