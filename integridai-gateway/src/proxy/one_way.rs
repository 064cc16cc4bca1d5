//! One way of a tunnel: bytes as they come, through a small buffer, and an end that the other side is told of.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::frames::{self, Frames};
use crate::stack::Progress;

/// Why a tunnel is ended from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// The gateway goes down.
    Draining,
    /// Nothing went either way for as long as the route allows.
    Idle,
    /// The token that opened it has expired.
    Expired,
}

/// What went through a tunnel, and when it last did.
#[derive(Debug)]
pub(super) struct Passed {
    progress: Progress,
    /// From the client, and to it.
    bytes: [AtomicU64; 2],
}

/// To whom bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Towards {
    Service,
    Client,
}

/// One way of a tunnel.
pub(super) struct OneWay<'a> {
    pub(super) towards: Towards,
    pub(super) passed: &'a Passed,
    /// When somebody has to be told goodbye.
    pub(super) goodbye: watch::Receiver<Option<Goodbye>>,
    /// Where it is a WebSocket, which can be told so in its own words.
    pub(super) frames: Option<Frames>,
}

/// All that waits to be taken by the slower end, in each direction.
const BUFFER: usize = 8 * 1024;

impl Goodbye {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Idle => "idle",
            Self::Expired => "expired",
        }
    }

    /// As the gateway's own WebSockets say it.
    fn close_frame(self, mask: Option<[u8; 4]>) -> Vec<u8> {
        let (code, reason) = match self {
            Self::Draining => (1001, "the gateway goes down"),
            Self::Idle => (1001, "nothing was said for too long"),
            Self::Expired => (4401, "the token has expired"),
        };
        frames::close(code, reason, mask)
    }
}

impl Passed {
    pub(super) fn new() -> Self {
        Self { progress: Progress::default(), bytes: Default::default() }
    }

    pub(super) fn bytes(&self, towards: Towards) -> u64 {
        self.bytes[towards as usize].load(Ordering::Relaxed)
    }

    pub(super) fn time(&self) -> Duration {
        self.progress.time()
    }

    /// When nothing has gone either way for so long.
    pub(super) async fn idle(&self, time: Duration) {
        self.progress.still_for(time).await;
    }

    fn count(&self, towards: Towards, bytes: usize) {
        self.bytes[towards as usize].fetch_add(bytes as u64, Ordering::Relaxed);
        self.progress.mark();
    }
}

impl OneWay<'_> {
    /// Carries until `from` ends, which `to` is told, or until goodbye was said.
    pub(super) async fn carry(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let goodbye = *self.goodbye.borrow_and_update();
            if let Some(goodbye) = goodbye
                && self.frames.as_ref().is_none_or(Frames::is_between)
            {
                self.say(goodbye, &mut to).await?;
                // What still comes is for nobody. Not to read it would be a reset, which can overtake the goodbye.
                while from.read(&mut buffer).await? > 0 {}
                return Ok(());
            }
            let read = tokio::select! {
                Ok(()) = self.goodbye.changed() => continue,
                read = from.read(&mut buffer) => read?,
            };
            if read == 0 {
                return to.shutdown().await;
            }
            let some = self.next(&buffer[..read], goodbye.is_some());
            to.write_all(&buffer[..some]).await?;
            self.passed.count(self.towards, some);
        }
    }

    /// How many of these bytes go on: no more than to the end of a frame, where goodbye is said behind it.
    fn next(&mut self, bytes: &[u8], is_last: bool) -> usize {
        match &mut self.frames {
            Some(frames) if is_last => frames.pass_frame(bytes),
            Some(frames) => {
                frames.pass(bytes);
                bytes.len()
            }
            None => bytes.len(),
        }
    }

    async fn say(&self, goodbye: Goodbye, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.frames.as_ref().is_some_and(|frames| !frames.is_closed()) {
            let mask = (self.towards == Towards::Service).then(rand::random);
            to.write_all(&goodbye.close_frame(mask)).await?;
        }
        to.shutdown().await
    }
}
