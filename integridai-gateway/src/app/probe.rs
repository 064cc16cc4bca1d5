//! Whether the gateway of a configuration is ready, asked from the same machine: for containers, whose images have no curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Config;

/// For a connection, and for each piece of the answer.
const PATIENCE: Duration = Duration::from_secs(2);

const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Asks the gateway that listens as the configuration says. Blocks.
///
/// # Errors
///
/// When it cannot be reached, or answers anything but 200 to `/readyz`; the text says which.
pub fn probe(config: &Config) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&reachable(config.server.listen), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut line = Vec::new();
    while line.len() < STATUS_LINE {
        let mut piece = [0; STATUS_LINE];
        match stream.read(&mut piece)? {
            0 => break,
            count => line.extend_from_slice(&piece[..count]),
        }
    }
    match line.get(9..12) {
        Some(b"200") => Ok(()),
        Some(status) => Err(io::Error::other(format!("not ready: {}", String::from_utf8_lossy(status)))),
        None => Err(io::Error::other("no answer of HTTP")),
    }
}

/// `HTTP/1.1 200`
const STATUS_LINE: usize = 12;

/// One that listens everywhere listens on loopback too.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
