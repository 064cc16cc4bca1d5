//! HTTP/1.1 as it stands on the wire: lines, bodies in the three framings, trailers, and whether a message was whole.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::progress::Progress;

/// The lines of a head or of trailers, in their order; names in lower case, values byte for byte as Latin-1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Whether a line of that name has exactly this value.
    pub(crate) fn shows(&self, line: &str) -> bool {
        let (name, value) = split(line);
        self.all(&name).any(|own| own == value)
    }

    fn lists(&self, name: &str, member: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|own| own.trim().eq_ignore_ascii_case(member))
    }

    fn push(&mut self, line: &str) {
        self.0.push(split(line));
    }
}

/// A name in lower case and a value without the white space around it.
pub(crate) fn split(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.trim().to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned())
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) fields: Fields,
}

impl Head {
    /// One word of the request line or of the status line.
    pub(crate) fn word(&self, at: usize) -> &str {
        self.first.split(' ').nth(at).unwrap_or_default()
    }

    pub(crate) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }
}

/// What came after a head.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) trailers: Fields,
    pub(crate) is_whole: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Framing {
    Empty,
    Length(usize),
    Chunked,
    UntilClosed,
}

/// How a request's body ends: RFC 9112 §6.3.
pub(crate) fn framing_of_request(fields: &Fields) -> Framing {
    match framing_by_fields(fields) {
        Framing::UntilClosed => Framing::Empty,
        framing => framing,
    }
}

/// How the body of an answer to a request of this method ends.
pub(crate) fn framing_of_answer(method: &str, head: &Head) -> Framing {
    match head.status() {
        100..=199 | 204 | 304 => Framing::Empty,
        _ if method == "HEAD" => Framing::Empty,
        _ => framing_by_fields(&head.fields),
    }
}

fn framing_by_fields(fields: &Fields) -> Framing {
    if fields.lists("transfer-encoding", "chunked") {
        return Framing::Chunked;
    }
    let length = fields.first("content-length").and_then(|value| value.parse().ok());
    length.map_or(Framing::UntilClosed, Framing::Length)
}

/// One end of a connection.
pub(crate) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
    counter: Option<Progress>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new(), counter: None }
    }

    /// Counts the bytes of content that this end receives.
    pub(crate) fn counted(mut self, progress: &Progress) -> Self {
        self.counter = Some(progress.clone());
        self
    }

    pub(crate) async fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(&bytes(text)).await?;
        self.stream.flush().await
    }

    /// Nothing where the connection ended before a head.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let Some(first) = self.line().await? else { return Ok(None) };
        Ok(Some(Head { first, fields: self.fields().await? }))
    }

    pub(crate) async fn content(&mut self, framing: Framing) -> Content {
        let mut content = Content::default();
        let read = match framing {
            Framing::Empty => Ok(()),
            Framing::Length(length) => self.take(length, &mut content.text).await,
            Framing::Chunked => self.chunks(&mut content).await,
            Framing::UntilClosed => self.rest(&mut content.text).await,
        };
        content.is_whole = read.is_ok();
        content
    }

    async fn fields(&mut self) -> io::Result<Fields> {
        let mut fields = Fields::default();
        loop {
            match self.line().await? {
                None => return Err(ended()),
                Some(line) if line.is_empty() => return Ok(fields),
                Some(line) => fields.push(&line),
            }
        }
    }

    async fn chunks(&mut self, content: &mut Content) -> io::Result<()> {
        loop {
            let line = self.line().await?.ok_or_else(ended)?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let length = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
            if length == 0 {
                content.trailers = self.fields().await?;
                return Ok(());
            }
            self.take(length, &mut content.text).await?;
            self.line().await?.ok_or_else(ended)?;
        }
    }

    async fn take(&mut self, length: usize, into: &mut String) -> io::Result<()> {
        let mut left = length;
        loop {
            let taken: Vec<u8> = self.read.drain(..left.min(self.read.len())).collect();
            left -= taken.len();
            self.count(taken.len());
            into.push_str(&text(&taken));
            if left == 0 {
                return Ok(());
            }
            if !self.more().await? {
                return Err(ended());
            }
        }
    }

    async fn rest(&mut self, into: &mut String) -> io::Result<()> {
        loop {
            let taken = std::mem::take(&mut self.read);
            self.count(taken.len());
            into.push_str(&text(&taken));
            if !self.more().await? {
                return Ok(());
            }
        }
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(at) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=at).collect();
                return Ok(Some(text(&line).trim_end_matches(['\r', '\n']).to_owned()));
            }
            if !self.more().await? {
                return if self.read.is_empty() { Ok(None) } else { Err(ended()) };
            }
        }
    }

    async fn more(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.read).await? > 0)
    }

    fn count(&self, bytes: usize) {
        if let Some(progress) = self.counter.as_ref().filter(|_| bytes > 0) {
            progress.received(bytes);
        }
    }
}

fn ended() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect()
}
