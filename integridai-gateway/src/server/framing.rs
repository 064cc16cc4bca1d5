/// Of a line that is looked at: more than any that matters has.
const KEPT: usize = 64;
/// Of a length, and of a chunk's in hexadecimal: a `u64` has room for as many.
const MAX_DIGITS: usize = 19;
const MAX_HEX_DIGITS: usize = 15;

/// RFC 9113 §3.4: what follows it is no HTTP/1.
const HTTP2_BEGINS: &[u8] = b"PRI * HTTP/2.0\r";

/// Follows where HTTP/1 requests begin and end, to see what hyper settles in silence: both lengths at once, one length
/// twice, lines that end without CR. Whoever is in front may have settled it otherwise, and has then let through a
/// request that it never saw (RFC 9112 §11.2).
///
/// It has no opinion on anything else: what it lets through, hyper still has to take.
#[derive(Debug)]
pub(super) struct Framing {
    part: Part,
    line: Line,
    length: Length,
    is_first: bool,
}

/// What of a request comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    StartLine,
    Field,
    Content(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    /// Another protocol.
    Unwatched,
}

/// What the head says of the content's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Unsaid,
    Exactly(u64),
    Chunked,
}

/// Which bytes must not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ambiguous {
    /// The first that nothing before it needs.
    pub(super) from: usize,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self { part: Part::StartLine, line: Line::new(), length: Length::Unsaid, is_first: true }
    }

    /// Whether a head has begun, and has not ended.
    pub(super) fn is_within_head(&self) -> bool {
        match self.part {
            Part::StartLine => self.line.length > 0,
            part => part == Part::Field,
        }
    }

    /// From here on the bytes are of another protocol.
    pub(super) fn unwatch(&mut self) {
        self.part = Part::Unwatched;
    }

    /// Goes on with these bytes.
    ///
    /// # Errors
    ///
    /// [`Ambiguous`], in which case nothing more of this connection is to be read.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), Ambiguous> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match self.part {
                Part::Unwatched => return Ok(()),
                Part::Content(left) => self.skip(left, rest.len(), Part::Content, Part::StartLine),
                Part::Chunk(left) => self.skip(left, rest.len(), Part::Chunk, Part::ChunkEnd),
                _ => self.read_line(rest).ok_or(Ambiguous { from: at })?,
            };
        }
        Ok(())
    }

    fn skip(&mut self, left: u64, available: usize, more: fn(u64) -> Part, then: Part) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(available);
        let left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
        self.part = if left == 0 { then } else { more(left) };
        taken
    }

    /// How much of it was taken; `None` when the line is one that must not be read on.
    fn read_line(&mut self, bytes: &[u8]) -> Option<usize> {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.line.extend(bytes);
            return (!self.is_endless_size()).then_some(bytes.len());
        };
        self.line.extend(&bytes[..end]);
        let line = self.line;
        self.line.clear();
        self.part = self.after(&line)?;
        Some(end + 1)
    }

    /// Zeros in front of a size mean nothing, however many there are.
    fn is_endless_size(&self) -> bool {
        let digits = self.line.kept().iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        self.part == Part::ChunkSize && digits > MAX_HEX_DIGITS
    }

    fn after(&mut self, line: &Line) -> Option<Part> {
        let text = line.ended_by_cr()?;
        match self.part {
            Part::StartLine | Part::Trailer if text.is_empty() => Some(Part::StartLine),
            Part::StartLine if self.is_first && line.kept() == HTTP2_BEGINS => Some(Part::Unwatched),
            Part::StartLine => Some(Part::Field),
            Part::Field if text.is_empty() => Some(self.after_head()),
            Part::Field => self.field(line, text),
            Part::ChunkSize => chunk_size(text),
            Part::ChunkEnd => text.is_empty().then_some(Part::ChunkSize),
            part => Some(part),
        }
    }

    fn after_head(&mut self) -> Part {
        self.is_first = false;
        match std::mem::replace(&mut self.length, Length::Unsaid) {
            Length::Unsaid | Length::Exactly(0) => Part::StartLine,
            Length::Exactly(length) => Part::Content(length),
            Length::Chunked => Part::ChunkSize,
        }
    }

    /// A length is said once, in one way, and in few words.
    fn field(&mut self, line: &Line, text: &[u8]) -> Option<Part> {
        let colon = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
        let (name, value) = text.split_at(colon);
        let length = if name.eq_ignore_ascii_case(b"content-length") {
            Length::Exactly(digits(value.get(1..)?)?)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            is_chunked(value.get(1..)?).then_some(Length::Chunked)?
        } else {
            return Some(Part::Field);
        };
        (self.length == Length::Unsaid && line.is_whole()).then_some(Part::Field)?;
        self.length = length;
        Some(Part::Field)
    }
}

/// hyper takes the last coding for the one that counts; others before it are refused by the service.
fn is_chunked(value: &[u8]) -> bool {
    let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
    last.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

fn digits(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let is_number = value.iter().all(u8::is_ascii_digit) && (1..=MAX_DIGITS).contains(&value.len());
    std::str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()
}

/// Extensions after the size are hyper's to bound.
fn chunk_size(line: &[u8]) -> Option<Part> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let size = line.get(..end).filter(|digits| (1..=MAX_HEX_DIGITS).contains(&digits.len()))?;
    match u64::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()? {
        0 => Some(Part::Trailer),
        size => Some(Part::Chunk(size)),
    }
}

/// The beginning of a line, however many reads it comes in.
#[derive(Debug, Clone, Copy)]
struct Line {
    kept: [u8; KEPT],
    length: usize,
    last: u8,
}

impl Line {
    fn new() -> Self {
        Self { kept: [0; KEPT], length: 0, last: 0 }
    }

    fn clear(&mut self) {
        self.length = 0;
    }

    fn extend(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        if self.length < KEPT {
            let taken = bytes.len().min(KEPT - self.length);
            self.kept[self.length..][..taken].copy_from_slice(&bytes[..taken]);
        }
        self.length += bytes.len();
        self.last = *last;
    }

    fn kept(&self) -> &[u8] {
        &self.kept[..self.length.min(KEPT)]
    }

    fn is_whole(&self) -> bool {
        self.length <= KEPT
    }

    /// What is kept of it, without the CR that it has to end by.
    fn ended_by_cr(&self) -> Option<&[u8]> {
        (self.length > 0 && self.last == b'\r').then_some(())?;
        let kept = self.kept();
        Some(if self.is_whole() { &kept[..kept.len() - 1] } else { kept })
    }
}

#[cfg(test)]
mod tests;
