//! Subscribers that read frames and do nothing else.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet};

use crate::process::Served;

/// Never longer than this on the way in one piece.
const ROOM: usize = 2_048;

/// All subscribers of a server.
pub(crate) struct Crowd {
    heard: Rc<Heard>,
    size: usize,
    readers: Vec<JoinHandle<()>>,
    local: LocalSet,
}

#[derive(Default)]
struct Heard {
    count: Cell<usize>,
    wanted: Cell<usize>,
    all: Notify,
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

impl Crowd {
    pub(crate) async fn connect(served: &Served, size: usize) -> Self {
        let (heard, local) = (Rc::new(Heard::default()), LocalSet::new());
        let mut readers = Vec::with_capacity(size);
        for _ in 0..size {
            let stream = subscribe(served).await;
            let heard = Rc::clone(&heard);
            readers.push(local.spawn_local(read(stream, heard)));
        }
        Self { heard, size, readers, local }
    }

    /// How long it takes from the request until the last one has heard of it.
    pub(crate) async fn publish(&mut self, served: &Served) -> Duration {
        let Self { heard, size, local, .. } = self;
        let (heard, size) = (Rc::clone(heard), *size);
        // One of its own for each: a connection without requests is closed after a while.
        let mut publisher = TcpStream::connect(served.address).await.expect("it listens");
        publisher.set_nodelay(true).expect("a socket");
        heard.count.set(0);
        heard.wanted.set(size);
        let body = format!(
            r#"{{"type":"bench.tick","source":"bench","data":{{"text":"{}"}}}}"#,
            "x".repeat(crate::DATA)
        );
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            served.publish,
            body.len(),
        );
        let told = local.run_until(async {
            let began = Instant::now();
            publisher.write_all(request.as_bytes()).await.expect("it takes requests");
            let mut answer = [0; ROOM];
            let (_, read) = tokio::join!(heard.all.notified(), publisher.read(&mut answer));
            let took = began.elapsed();
            let text = String::from_utf8_lossy(&answer[..read.expect("it answers")]).into_owned();
            assert!(text.starts_with("HTTP/1.1 2"), "{text}");
            took
        });
        let took = tokio::time::timeout(Duration::from_secs(60), told).await.expect("everybody hears of it");
        // The next side begins with a machine that is at rest.
        tokio::time::sleep(Duration::from_millis(100)).await;
        took
    }
}

async fn subscribe(served: &Served) -> TcpStream {
    let mut stream = TcpStream::connect(served.address).await.expect("it listens");
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        served.subscribe
    );
    stream.write_all(request.as_bytes()).await.expect("it takes requests");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("it answers"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

/// Counts the text frames; the server's are never masked (RFC 6455 §5.1).
async fn read(mut stream: TcpStream, heard: Rc<Heard>) {
    let mut kept = Vec::new();
    let mut room = [0; ROOM];
    while let Ok(read @ 1..) = stream.read(&mut room).await {
        kept.extend_from_slice(&room[..read]);
        while let Some((is_text, length)) = frame(&kept) {
            kept.drain(..length);
            if is_text {
                heard.count.set(heard.count.get() + 1);
                if heard.count.get() == heard.wanted.get() {
                    heard.all.notify_one();
                }
            }
        }
    }
}

/// Whether the first frame is text, and its length, if it is there as a whole.
fn frame(bytes: &[u8]) -> Option<(bool, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (head, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        length => (2, usize::from(length)),
    };
    (bytes.len() >= head + length).then_some((first & 0x0f == 1, head + length))
}
