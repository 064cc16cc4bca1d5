use std::io;

use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::Tls;
use super::certificate::Facts;
use crate::server::refusal::{self, PLAIN_HTTP};
use crate::server::secured::Secured;
use crate::server::unstalled::Unstalled;

/// What HTTP is spoken over, after the handshake.
pub(in crate::server) type Encrypted = Box<TlsStream<Unstalled<TcpStream>>>;

impl Tls {
    /// The handshake.
    ///
    /// # Errors
    ///
    /// Why there is no connection; the client has been told where it can be.
    pub(in crate::server) async fn accept(
        &self,
        socket: Unstalled<TcpStream>,
    ) -> io::Result<(Encrypted, Secured)> {
        let Ok(ended) = tokio::time::timeout(self.0.handshake_timeout, self.shake_hands(socket)).await else {
            count("late");
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake takes too long"));
        };
        ended
    }

    async fn shake_hands(&self, mut socket: Unstalled<TcpStream>) -> io::Result<(Encrypted, Secured)> {
        if speaks_plainly(socket.get_ref()).await? {
            count("plain");
            refusal::tell(&mut socket, PLAIN_HTTP).await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client does not speak TLS"));
        }
        let shaken = self.shake_hands_in_turn(socket).await;
        count(if shaken.is_ok() { "completed" } else { "failed" });
        shaken
    }

    /// Whoever has said nothing yet takes no place from others.
    async fn shake_hands_in_turn(&self, socket: Unstalled<TcpStream>) -> io::Result<(Encrypted, Secured)> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
        let _place = self.0.places.acquire().await.map_err(io::Error::other)?;
        let mut stream = hello.into_stream(self.0.config.load_full()).await?;
        // What is left to be said, such as tickets, does not wait for the first answer.
        stream.flush().await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let client = shown.map(Facts::of).transpose().map_err(io::Error::other)?;
        let secured = Secured::new(client.map(Facts::into_client));
        Ok((Box::new(stream), secured))
    }
}

/// The first byte of a method, where that of a handshake should be (RFC 8446 §5.1).
async fn speaks_plainly(socket: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = socket.peek(&mut first).await?;
    Ok(read == 1 && first[0].is_ascii_alphabetic())
}

fn count(outcome: &'static str) {
    metrics::counter!("integridai_server_tls_handshakes_total", "outcome" => outcome).increment(1);
}
