use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use super::proxy_protocol;
use super::secured::Secured;
use super::socket::Socket;
use super::unstalled::Unstalled;
use super::{ServerOptions, Tls};

/// What comes before HTTP on a connection.
#[derive(Debug)]
pub(super) struct Arrival {
    tells_client: bool,
    header_timeout: Duration,
    write_stall_timeout: Duration,
    tls: Option<Tls>,
}

/// A connection that HTTP can begin on.
pub(super) struct Arrived {
    pub(super) socket: Socket,
    pub(super) client: SocketAddr,
    pub(super) secured: Option<Secured>,
}

impl Arrival {
    /// `None` where HTTP is all there is.
    pub(super) fn of(options: &ServerOptions) -> Option<Self> {
        let tells_client = options.proxy_protocol.is_some();
        (tells_client || options.tls.is_some()).then(|| Self {
            tells_client,
            header_timeout: options.header_read_timeout,
            write_stall_timeout: options.write_stall_timeout,
            tls: options.tls.clone(),
        })
    }

    pub(super) async fn receive(self, mut stream: TcpStream, peer: SocketAddr) -> io::Result<Arrived> {
        let client = if self.tells_client { self.client(&mut stream, peer).await? } else { peer };
        let socket = Unstalled::new(stream, self.write_stall_timeout);
        let Some(tls) = self.tls else {
            return Ok(Arrived { socket: Socket::Plain(socket), client, secured: None });
        };
        let (socket, secured) = tls.accept(socket).await?;
        Ok(Arrived { socket: Socket::Tls(socket), client, secured: Some(secured) })
    }

    async fn client(&self, stream: &mut TcpStream, peer: SocketAddr) -> io::Result<SocketAddr> {
        let told = tokio::time::timeout(self.header_timeout, proxy_protocol::told(stream, peer));
        let told = told.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if told.is_err() {
            count_refused("malformed");
        }
        told
    }
}

/// Connections that say whose they are in no way that counts.
pub(super) fn count_refused(reason: &'static str) {
    metrics::counter!("integridai_server_proxy_protocol_refused_total", "reason" => reason).increment(1);
}
