//! HTTP/2 frame by frame (RFC 9113 §4.1), as no client library would send it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a server ends what it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// The one stream is reset.
    Reset,
    /// The connection is closed, with GOAWAY or without.
    Closed,
    /// Nothing, until the server asks whether anybody is there.
    Unmoved,
}

/// One frame, whatever is in it.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short enough").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields in the plainest form: literal, without Huffman, without the table (RFC 7541 §6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

fn text(text: &str) -> Vec<u8> {
    let mut coded = Vec::new();
    let mut rest = text.len();
    // RFC 7541 §5.1, with a prefix of 7 bits.
    if rest < 127 {
        coded.extend(u8::try_from(rest));
    } else {
        coded.push(127);
        rest -= 127;
        while rest >= 128 {
            coded.extend(u8::try_from(rest % 128 + 128));
            rest /= 128;
        }
        coded.extend(u8::try_from(rest));
    }
    coded.extend(text.as_bytes());
    coded
}

/// A request without content, in one frame.
pub(crate) fn request(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(fields))
}

/// Begins a connection, says this, and tells how the first stream or all of it ends.
pub(crate) async fn outcome(address: SocketAddr, frames: &[u8]) -> Outcome {
    saying(address, &[PREFACE, &frame(SETTINGS, 0, 0, &[]), frames].concat()).await
}

async fn saying(address: SocketAddr, said: &[u8]) -> Outcome {
    let (mut reader, mut writer) = TcpStream::connect(address).await.expect("it listens").into_split();
    // Whoever is refused may be cut before the end; what is said by then is still there.
    let write = async {
        let _ = writer.write_all(said).await;
        std::future::pending::<()>().await;
    };
    let read = async {
        loop {
            match next(&mut reader).await {
                Some((HEADERS, 1, payload)) => return Outcome::Status(status(&payload)),
                Some((RST_STREAM, 1, _)) => return Outcome::Reset,
                Some((GOAWAY, ..)) | None => return Outcome::Closed,
                Some((PING, _, payload)) if asks(&payload) => return Outcome::Unmoved,
                Some(_) => {}
            }
        }
    };
    let ended = within(async {
        tokio::select! {
            outcome = read => outcome,
            () = write => unreachable!("it does not end by itself"),
        }
    });
    ended.await
}

/// Whether this is the server's own question: an acknowledgement repeats what was sent, which is zeros here.
fn asks(payload: &[u8]) -> bool {
    payload.iter().any(|byte| *byte != 0)
}

/// Kind, stream and content; `None` at the end.
async fn next(reader: &mut (impl AsyncReadExt + Unpin)) -> Option<(u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).expect("24 bits")];
    reader.read_exact(&mut payload).await.ok()?;
    Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}

/// The status of the first answer of a connection, which begins its fields: from the static table, or three digits
/// with its name from there (RFC 7541, appendix A).
fn status(block: &[u8]) -> u16 {
    // A table of another size may be announced first.
    let block = &block[block.iter().take_while(|byte| **byte & 0xe0 == 0x20).count()..];
    match block {
        [indexed @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
        [0x08 | 0x18 | 0x48, 3, digits @ ..] => number(digits[..3].iter().map(|digit| digit - b'0')),
        [0x08 | 0x18 | 0x48, 0x82 | 0x83, coded @ ..] => number(huffman_digits(coded).into_iter()),
        other => panic!("no status: {other:?}"),
    }
}

fn number(digits: impl Iterator<Item = u8>) -> u16 {
    digits.fold(0, |number, digit| number * 10 + u16::from(digit))
}

/// RFC 7541, appendix B: the digits up to 2 have five bits, the others six.
fn huffman_digits(coded: &[u8]) -> [u8; 3] {
    let mut bits = coded.iter().take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << 8;
    std::array::from_fn(|_| {
        let short = u8::try_from(bits >> 27).expect("five bits");
        let long = u8::try_from(bits >> 26).expect("six bits");
        let (digit, length) = if short < 3 { (short, 5) } else { (long - 0x19 + 3, 6) };
        bits <<= length;
        digit
    })
}
