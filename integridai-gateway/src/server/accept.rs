use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections, and waits before it tries again when the system is out of descriptors or memory.
#[derive(Debug, Default)]
pub(super) struct Acceptor {
    pause: Duration,
    paused_until: Option<Instant>,
}

impl Acceptor {
    /// Cancel safe: a pause that was cut short is resumed by the next call.
    pub(super) async fn accept(&mut self, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        if let Some(until) = self.paused_until {
            tokio::time::sleep_until(until).await;
            self.paused_until = None;
        }
        let accepted = listener.accept().await;
        self.pause =
            accepted.as_ref().map_or_else(|error| pause_after(error, self.pause), |_| Duration::ZERO);
        self.paused_until = (!self.pause.is_zero()).then(|| Instant::now() + self.pause);
        accepted
    }
}

/// A client that left before it was accepted is its own affair; everything else is the system's, and asking again
/// at once would spin.
fn pause_after(error: &io::Error, previous: Duration) -> Duration {
    match error.kind() {
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {
            Duration::ZERO
        }
        _ => (previous * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EMFILE on Linux.
    const TOO_MANY_OPEN_FILES: i32 = 24;

    #[test]
    fn a_client_that_left_causes_no_pause() {
        let gone = io::Error::from(ErrorKind::ConnectionAborted);
        assert_eq!(pause_after(&gone, LONGEST_PAUSE), Duration::ZERO);
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let exhausted = io::Error::from_raw_os_error(TOO_MANY_OPEN_FILES);
        let mut pauses = vec![pause_after(&exhausted, Duration::ZERO)];
        for _ in 0..9 {
            pauses.push(pause_after(&exhausted, pauses[pauses.len() - 1]));
        }
        assert_eq!(pauses[..3], [10, 20, 40].map(Duration::from_millis));
        assert_eq!(pauses[9], LONGEST_PAUSE);
    }
}
