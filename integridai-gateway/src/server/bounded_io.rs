use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::admission::Admitted;

/// RFC 9113 §3.4.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A socket with the two deadlines that hyper does not keep: for the first bytes, which tell HTTP/1 from HTTP/2
/// before any of hyper's own timers runs, and for writes that the client does not read.
#[derive(Debug)]
pub(super) struct BoundedIo<T> {
    socket: T,
    opening: Option<Opening>,
    write_stall_timeout: Duration,
    stall: Option<Pin<Box<Sleep>>>,
    _admitted: Admitted,
}

impl<T> BoundedIo<T> {
    pub(super) fn new(socket: T, opening: Duration, write_stall: Duration, admitted: Admitted) -> Self {
        let deadline = Box::pin(tokio::time::sleep(opening));
        Self {
            socket,
            opening: Some(Opening { deadline, preface: HTTP2_PREFACE }),
            write_stall_timeout: write_stall,
            stall: None,
            _admitted: admitted,
        }
    }

    fn bound_write(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let limit = self.write_stall_timeout;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        stall.as_mut().poll(context).map(|()| Err(timed_out("the client does not read")))
    }
}

/// The time before the client's protocol is known.
#[derive(Debug)]
struct Opening {
    deadline: Pin<Box<Sleep>>,
    /// What is missing from HTTP/2's preface, should that be what the client is sending.
    preface: &'static [u8],
}

impl Opening {
    fn is_over(&mut self, bytes: &[u8]) -> bool {
        match self.preface.strip_prefix(bytes) {
            Some(rest) if !rest.is_empty() && !bytes.is_empty() => {
                self.preface = rest;
                false
            }
            _ => true,
        }
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, what)
}

impl<T: AsyncRead + Unpin> AsyncRead for BoundedIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(context, buffer);
        let Some(opening) = &mut this.opening else { return read };
        if read.is_pending() {
            return opening
                .deadline
                .as_mut()
                .poll(context)
                .map(|()| Err(timed_out("the client stays silent")));
        }
        if opening.is_over(&buffer.filled()[before..]) {
            this.opening = None;
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for BoundedIo<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(context, bytes);
        this.bound_write(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write_vectored(context, slices);
        this.bound_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::super::admission::Admission;
    use super::*;

    const OPENING: Duration = Duration::from_secs(10);
    const STALL: Duration = Duration::from_secs(30);

    fn bounded() -> (BoundedIo<DuplexStream>, DuplexStream) {
        let (server, client) = tokio::io::duplex(64);
        let admitted = Admission::new(1).admit().expect("there is room for one");
        (BoundedIo::new(server, OPENING, STALL, admitted), client)
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_preface_byte_by_byte_is_cut() {
        let (mut io, mut client) = bounded();
        let trickle = async {
            for byte in &HTTP2_PREFACE[..20] {
                client.write_all(&[*byte]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let mut preface = [0; HTTP2_PREFACE.len()];
        let (read, ()) = tokio::join!(io.read_exact(&mut preface), trickle);
        assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_protocol_may_pause_for_as_long_as_it_likes() {
        for opening in [HTTP2_PREFACE, b"PRICE"] {
            let (mut io, mut client) = bounded();
            client.write_all(opening).await.unwrap();
            io.read_exact(&mut vec![0; opening.len()]).await.unwrap();
            assert!(tokio::time::timeout(10 * OPENING, io.read_u8()).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut() {
        let (mut io, _client) = bounded();
        let written = io.write_all(&[0; 65]).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_that_makes_progress_is_not_cut() {
        let (mut io, mut client) = bounded();
        let read_slowly = async {
            for _ in 0..4 {
                tokio::time::sleep(STALL - OPENING).await;
                client.read_exact(&mut [0; 64]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(io.write_all(&[0; 256]), read_slowly);
        written.unwrap();
    }
}
