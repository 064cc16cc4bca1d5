//! Sockets that are there before the gateway is.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket};

use super::BuildError;

/// A socket, and where it listens.
pub(super) type Bound = (TcpListener, SocketAddr);

/// Sockets that whoever has started this process listens on already: socket activation (`LISTEN_FDS`, `sd_listen_fds(3)`).
/// Connections that come while no gateway runs wait in them.
#[derive(Debug, Default)]
pub struct Inherited {
    listeners: Vec<(SocketAddr, StdListener)>,
}

impl Inherited {
    /// Those that the environment tells of, which does so no longer then. To be called once, before there is a second thread.
    ///
    /// # Errors
    ///
    /// When one is no TCP socket that listens.
    pub fn from_environment() -> io::Result<Self> {
        let mut passed = ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..passed.len() {
            let Some(listener) = passed.take_tcp_listener(index)? else { continue };
            listener.set_nonblocking(true)?;
            listeners.push((listener.local_addr()?, listener));
        }
        Ok(Self { listeners })
    }

    /// The one that listens there, or a new one, whose address others may share; `key` says where it is configured.
    pub(super) fn bind(
        &mut self,
        listen: SocketAddr,
        key: &'static str,
        is_shared: bool,
    ) -> Result<Bound, BuildError> {
        let failed = |source| BuildError::Bind { address: listen, key, source };
        let passed = self.listeners.iter().position(|(address, _)| *address == listen);
        let listener = match passed.map(|index| self.listeners.swap_remove(index)) {
            Some((_, passed)) => TcpListener::from_std(passed),
            None => listen_at(listen, is_shared),
        };
        let listener = listener.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok((listener, address))
    }

    /// The same where something is to listen at all.
    pub(super) fn bind_if(
        &mut self,
        listen: Option<SocketAddr>,
        key: &'static str,
    ) -> Result<Option<Bound>, BuildError> {
        match listen {
            Some(listen) => self.bind(listen, key, false).map(Some),
            None => Ok(None),
        }
    }

    /// Whoever connects to one that is left would wait for ever.
    pub(super) fn check_all_taken(&self) -> Result<(), BuildError> {
        match self.listeners.first() {
            Some((address, _)) => Err(BuildError::Inherited { address: *address }),
            None => Ok(()),
        }
    }
}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Where others may have a part of what comes (`SO_REUSEPORT`), each has to have said so.
pub(super) fn listen_at(listen: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(is_shared)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}
