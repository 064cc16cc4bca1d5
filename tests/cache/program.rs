//! A caching proxy in a process of its own, as somebody would start it who knows nothing of this project.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::support::port::free_port;
use crate::support::server::wait_until;

const LISTENS_WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct Program {
    address: SocketAddr,
    _child: Child,
}

impl Program {
    /// Fails when somebody else has taken the port meanwhile; where that is not seen, another answers at the address.
    pub(crate) async fn start(path: &Path, origin: SocketAddr) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut child = Command::new(path)
            .args([format!("http://{origin}"), address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let listens = tokio::task::spawn_blocking(move || {
            wait_until(LISTENS_WITHIN, || TcpStream::connect(address).is_ok())
        });
        let listens = listens.await.map_err(io::Error::other)?;
        match child.try_wait()? {
            None if listens => Ok(Self { address, _child: child }),
            _ => Err(io::Error::other("it does not listen")),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
