use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// To those who find no room.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\n\
    content-length: 97\r\n\
    retry-after: 5\r\n\
    connection: close\r\n\
    \r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"too many connections\"}";
/// To those who speak HTTP where TLS is spoken.
#[cfg_attr(not(feature = "tls"), allow(dead_code))]
pub(super) const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: application/problem+json\r\n\
    content-length: 92\r\n\
    connection: close\r\n\
    \r\n\
    {\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"https:// is spoken here\"}";
/// All the time that a refused client is given.
const PATIENCE: Duration = Duration::from_secs(1);
/// Beyond so many at once, the rest is closed without a word.
const MOST_AT_ONCE: usize = 128;
const MOST_DISCARDED_BYTES: u64 = 64 * 1024;

/// The connections that are being told that there is no room.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    running: JoinSet<()>,
}

impl Refusals {
    pub(super) fn refuse(&mut self, mut stream: TcpStream) {
        while self.running.try_join_next().is_some() {}
        if self.running.len() < MOST_AT_ONCE {
            self.running.spawn(async move {
                // A refused client that does not even take the answer is no loss.
                let _ = tokio::time::timeout(PATIENCE, tell(&mut stream, NO_ROOM)).await;
            });
        }
    }
}

/// Says the answer, and that it is the last.
pub(super) async fn tell<T: AsyncRead + AsyncWrite + Unpin>(stream: &mut T, answer: &[u8]) -> io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    // Closing with unread bytes in the socket sends a reset, which can overtake the answer.
    tokio::io::copy(&mut stream.take(MOST_DISCARDED_BYTES), &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_states_its_true_length() {
        for answer in [NO_ROOM, PLAIN_HTTP] {
            let text = std::str::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
            assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
        }
    }
}
