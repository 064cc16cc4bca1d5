//! One running service, and its way down and up again.
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::control::Control;
use super::gate::Gate;
use super::listener;
use super::options::Port;

/// A simulated service: a real HTTP/1.1 server on 127.0.0.1. Dropping it stops it.
pub struct Simulator {
    gate: Arc<Gate>,
    address: SocketAddr,
    state: Mutex<State>,
}

enum State {
    Up(Running),
    /// The socket keeps the port from being given away meanwhile.
    Down(Option<TcpSocket>),
}

struct Running {
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Simulator {
    pub(super) fn start(gate: Gate, port: Port) -> io::Result<Self> {
        let gate = Arc::new(gate);
        let listener = listener::bind(port)?;
        let address = listener.local_addr()?;
        let state = Mutex::new(State::Up(Running::start(listener, &gate)));
        Ok(Self { gate, address, state })
    }

    /// `regtech`, `flaisimulator` or `dashboard`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.control().service()
    }

    /// The base URL, without a slash at the end: `http://127.0.0.1:3000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens; stays the same across [`stop`](Self::stop) and [`restart`](Self::restart).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the service fail, and says what it has seen.
    #[must_use]
    pub fn control(&self) -> &Control {
        self.gate.control()
    }

    /// Takes the service down: open connections are closed at once, new ones are refused. What it knows stays.
    pub async fn stop(&self) {
        let mut state = self.state.lock().await;
        if let State::Up(running) = std::mem::replace(&mut *state, State::Down(None)) {
            self.control().set_stopping(true);
            running.stop().await;
            self.control().set_stopping(false);
            // Best effort: without it, restart competes for the port like anyone else.
            *state = State::Down(listener::claim(self.address.port()).ok());
        }
    }

    /// Brings a stopped service up again on the same port; does nothing to a running one.
    ///
    /// # Errors
    /// When the port was taken by another program meanwhile.
    pub async fn restart(&self) -> io::Result<()> {
        let mut state = self.state.lock().await;
        let State::Down(claimed) = &mut *state else {
            return Ok(());
        };
        let listener = match claimed.take() {
            Some(socket) => listener::listen(socket)?,
            None => listener::bind(Port::Exactly(self.address.port()))?,
        };
        *state = State::Up(Running::start(listener, &self.gate));
        Ok(())
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Simulator")
            .field("address", &self.address)
            .field("control", self.control())
            .finish_non_exhaustive()
    }
}

impl Running {
    fn start(listener: TcpListener, gate: &Arc<Gate>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(listener::serve(listener, Arc::clone(gate), stop.clone()));
        Self { stop: stop.drop_guard(), task }
    }

    async fn stop(self) {
        drop(self.stop);
        // The task neither panics nor is it aborted; a runtime that is going down ends it in any case.
        let _ = self.task.await;
    }
}
