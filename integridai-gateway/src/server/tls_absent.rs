//! Where a build has no TLS, there is no value of its types.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::secured::Secured;
use super::unstalled::Unstalled;

/// What stands between the socket and HTTP where clients come over TLS. This build has none.
#[derive(Clone, Debug)]
pub enum Tls {}

#[derive(Debug)]
pub(super) enum Encrypted {}

impl Tls {
    pub(super) fn accept(
        &self,
        _: Unstalled<TcpStream>,
    ) -> std::future::Ready<io::Result<(Encrypted, Secured)>> {
        match *self {}
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}
