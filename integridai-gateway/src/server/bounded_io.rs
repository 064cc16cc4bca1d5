use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::admission::Admitted;
use super::framing::{Ambiguous, Framing};
use super::tally::Tally;

/// RFC 9113 §3.4.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What hyper reads where the client's bytes must not be read on: no line of any request, so that it answers 400.
const UNREADABLE: &[u8] = b"\0\r\n\r\n";

/// What is read of a client, with what hyper does not do: deadlines for the first bytes (which tell HTTP/1 from HTTP/2
/// before any of hyper's own timers runs) and for a head that has begun; and an end to requests whose length is ambiguous.
#[derive(Debug)]
pub(super) struct BoundedIo<T> {
    socket: T,
    opening: Option<Opening>,
    requests: Requests,
    /// For the first bytes, and for each head.
    head_timeout: Duration,
    _admitted: Admitted,
}

impl<T> BoundedIo<T> {
    pub(super) fn new(socket: T, head_timeout: Duration, tally: Arc<Tally>, admitted: Admitted) -> Self {
        let deadline = Box::pin(tokio::time::sleep(head_timeout));
        Self {
            socket,
            opening: Some(Opening { deadline, preface: HTTP2_PREFACE }),
            requests: Requests::new(tally),
            head_timeout,
            _admitted: admitted,
        }
    }

    fn bound_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let late = match &mut self.opening {
            Some(opening) => opening.deadline.as_mut().poll(context),
            None => self.requests.wait(self.head_timeout, context),
        };
        late.map(|()| Err(timed_out("the client stays silent")))
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

/// The requests among the bytes that are read.
#[derive(Debug)]
struct Requests {
    framing: Framing,
    tally: Arc<Tally>,
    head: Option<Pin<Box<Sleep>>>,
    /// What is left to be said of bytes that must not be read.
    unreadable: Option<&'static [u8]>,
}

impl Requests {
    fn new(tally: Arc<Tally>) -> Self {
        Self { framing: Framing::new(), tally, head: None, unreadable: None }
    }

    /// Looks at what was read after `before`.
    fn follow(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        if self.tally.is_upgraded() {
            self.framing.unwatch();
        }
        if let Err(Ambiguous { from }) = self.framing.follow(&buffer.filled()[before..]) {
            buffer.set_filled(before + from);
            self.unreadable = Some(UNREADABLE);
            self.say_unreadable(buffer);
        }
        if !self.framing.is_within_head() {
            self.head = None;
        }
    }

    /// Whether nothing of the client is read any more.
    fn say_unreadable(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let Some(left) = &mut self.unreadable else { return false };
        let (now, later) = left.split_at(left.len().min(buffer.remaining()));
        buffer.put_slice(now);
        *left = later;
        true
    }

    /// Nothing more is there: whether the head, if one has begun, may still come.
    fn wait(&mut self, limit: Duration, context: &mut Context<'_>) -> Poll<()> {
        if !self.framing.is_within_head() {
            return Poll::Pending;
        }
        self.head.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit))).as_mut().poll(context)
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
        if this.requests.say_unreadable(buffer) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(context, buffer);
        if read.is_pending() {
            return this.bound_read(context);
        }
        if this.opening.as_mut().is_some_and(|opening| opening.is_over(&buffer.filled()[before..])) {
            this.opening = None;
        }
        this.requests.follow(buffer, before);
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for BoundedIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
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
    use bytes::BufMut;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::super::admission::Admission;
    use super::super::tally::Bounds;
    use super::*;

    const OPENING: Duration = Duration::from_secs(10);

    fn bounded() -> (BoundedIo<DuplexStream>, DuplexStream) {
        let (server, client) = tokio::io::duplex(64);
        let admitted = Admission::new(1).admit().expect("there is room for one");
        let tally = Arc::new(Tally::new(Bounds { requests: 100, given_up: 100 }));
        (BoundedIo::new(server, OPENING, tally, admitted), client)
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
        for opening in [HTTP2_PREFACE, b"PRICE / HTTP/1.1\r\n\r\n"] {
            let (mut io, mut client) = bounded();
            client.write_all(opening).await.unwrap();
            io.read_exact(&mut vec![0; opening.len()]).await.unwrap();
            assert!(tokio::time::timeout(10 * OPENING, io.read_u8()).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_line_by_line_is_cut() {
        let (mut io, mut client) = bounded();
        let trickle = async {
            client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
            while client.write_all(b"x: y\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        };
        let read = async {
            let error = io.read_to_end(&mut Vec::new()).await.unwrap_err();
            drop(io);
            error
        };
        let (error, ()) = tokio::join!(read, trickle);
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ambiguous_is_read_as_something_that_no_parser_takes() {
        let (mut io, mut client) = bounded();
        client.write_all(b"GET / HTTP/1.1\r\nx: y\nGET /secret HTTP/1.1\r\n\r\n").await.unwrap();
        let mut read = Vec::new();
        while io.read_buf(&mut (&mut read).limit(3)).await.unwrap() > 0 {}
        assert_eq!(read, b"GET / HTTP/1.1\r\nx:\0\r\n\r\n");
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_upgrade_bytes_are_only_bytes() {
        let (mut io, mut client) = bounded();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        io.read_exact(&mut [0; 18]).await.unwrap();
        io.requests.tally.upgrade();
        client.write_all(b"\n\n\n").await.unwrap();
        let mut read = [0; 3];
        io.read_exact(&mut read).await.unwrap();
        assert_eq!(read, *b"\n\n\n");
    }
}
