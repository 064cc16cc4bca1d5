//! How a gateway is started.
use std::fmt::Display;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use integridai_gateway::demo::Simulators;
use tokio::process::Command;

use super::gateway::Gateway;
use super::program::{Ended, PROGRAM, bare, finish};

/// A `serve` with JSON logs on a free port of the loopback.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    variables: Vec<(String, String)>,
    /// Commands of the shell that bind what the process may use.
    limits: Vec<String>,
    socket: Option<Arc<OwnedFd>>,
}

impl Start {
    pub(crate) fn new(database: &Path) -> Self {
        Self::without_database().set("DATABASE__PATH", database.display())
    }

    /// With a PostgreSQL instead of a file.
    pub(crate) fn on_server(url: &str) -> Self {
        Self::without_database().set("DATABASE__URL", url).set("DATABASE__MAX_CONNECTIONS", 4)
    }

    fn without_database() -> Self {
        Self { variables: Vec::new(), limits: Vec::new(), socket: None }
            .set("SERVER__LISTEN", "127.0.0.1:0")
            // Pooled connections have nothing more to say.
            .set("SERVER__LINGER_SECONDS", 0.001)
            .set("AUTH__DISABLED", true)
            // Tests ask far more often than clients may.
            .set("RATE_LIMITS__DISABLED", true)
            .set("LOGS__FORMAT", "json")
    }

    /// Overrides a key of the configuration.
    pub(crate) fn set(self, key: &str, value: impl Display) -> Self {
        self.variable(&format!("INTEGRIDAI_{key}"), value)
    }

    pub(crate) fn variable(mut self, name: &str, value: impl Display) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// Logs this, and in any case where it listens.
    pub(crate) fn logs(self, filter: &str) -> Self {
        self.set("LOGS__FILTER", format!("{filter},integridai_gateway::app=info"))
    }

    pub(crate) fn services(self, simulators: &Simulators) -> Self {
        self.set("SERVICES__REGTECH__BASE_URL", simulators.regtech.url())
            .set("SERVICES__FLAISIMULATOR__BASE_URL", simulators.flaisimulator.url())
            .set("SERVICES__DASHBOARD__BASE_URL", simulators.dashboard.url())
    }

    pub(crate) fn at(self, address: SocketAddr) -> Self {
        self.set("SERVER__LISTEN", address)
    }

    /// Writes beyond so many bytes into any file fail, as on a full disk.
    pub(crate) fn largest_file(mut self, bytes: u32) -> Self {
        // Without the trap the kernel would kill the process instead of failing the write.
        self.limits.push(format!(r#"trap "" XFSZ; ulimit -f {}"#, bytes / 512));
        self
    }

    /// Opening more files and sockets than these at once fails.
    pub(crate) fn most_descriptors(mut self, count: u32) -> Self {
        self.limits.push(format!("ulimit -n {count}"));
        self
    }

    /// Hands the socket over, as systemd does (`sd_listen_fds(3)`).
    pub(crate) fn inheriting(mut self, socket: &TcpListener) -> Self {
        let socket = socket.try_clone().expect("there are descriptors left");
        self.socket = Some(Arc::new(socket.into()));
        self.limits.push("exec 3<&0 0</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$".to_owned());
        self
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn run(&self) -> Gateway {
        self.spawn().listening().await
    }

    /// Starts it and waits for nothing.
    pub(crate) fn spawn(&self) -> Gateway {
        Gateway::spawn(&mut self.command())
    }

    /// Runs one that cannot start, to its end.
    pub(crate) async fn fail(&self) -> Ended {
        finish(&mut self.command()).await
    }

    /// Leaves a key of the configuration to the file.
    pub(crate) fn unset(mut self, key: &str) -> Self {
        self.variables.retain(|(name, _)| name.strip_prefix("INTEGRIDAI_") != Some(key));
        self
    }

    /// Brings the schema up to date instead of serving.
    pub(crate) async fn migrate(&self) -> Ended {
        self.only("migrate").await
    }

    /// Checks the configuration instead of serving.
    pub(crate) async fn check_config(&self) -> Ended {
        self.only("check-config").await
    }

    async fn only(&self, command: &str) -> Ended {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        finish(bare(PROGRAM).arg(command).envs(variables)).await
    }

    fn command(&self) -> Command {
        let mut command = if self.limits.is_empty() {
            bare(PROGRAM)
        } else {
            let mut shell = bare("sh");
            shell.args(["-c", &format!(r#"{}; exec "$0" "$@""#, self.limits.join("; ")), PROGRAM]);
            shell
        };
        if let Some(socket) = &self.socket {
            command.stdin(socket.try_clone().expect("there are descriptors left"));
        }
        command.arg("serve").envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}
