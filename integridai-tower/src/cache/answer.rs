//! An answer made of what is stored (RFC 9111 §4.3.2, RFC 9110 §14).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::condition::{fields_of_304, is_not_modified, range_applies};
use super::decimal;
use super::entry::Entry;
use super::parts::content_range;
use super::plan::Asked;
use super::range::{self, Part, Range, Span};
use super::status::Member;

/// All of a response.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Empty,
    Whole {
        bytes: Bytes,
        /// Few have any: in a box, they do not make each answer larger.
        trailers: Option<Box<HeaderMap>>,
    },
    /// The parts of several ranges and what stands between them.
    Pieces(Vec<Bytes>),
}

/// The answer of an entry to a request. `member` is what the cache says of itself; `None` for a plain hit.
pub(super) fn reply(
    entry: &Entry,
    asked: &Asked,
    request: &HeaderMap,
    now: u64,
    member: Option<Member>,
    name: &Arc<str>,
) -> Reply {
    let mut headers = match member {
        None => entry.hit(now, name).into_parts().0.headers,
        Some(member) => entry.reply_headers(now, member, name),
    };
    let status = entry.status;
    let may_differ = status.is_success() && (asked.has_condition || asked.has_range);
    if may_differ {
        let date = entry.freshness.date;
        if asked.has_condition && is_not_modified(request, entry.headers(), date, now) {
            fields_of_304(&mut headers);
            return Reply { status: StatusCode::NOT_MODIFIED, headers, content: Content::Empty };
        }
        if asked.has_range && range_applies(request, entry.headers(), date, now) {
            return cut(entry, request, headers);
        }
    }
    let content = if asked.is_head { Content::Empty } else { whole(entry) };
    Reply { status, headers, content }
}

/// All of it.
pub(super) fn whole(entry: &Entry) -> Content {
    Content::Whole { bytes: entry.body.clone(), trailers: entry.trailers.clone() }
}

fn cut(entry: &Entry, request: &HeaderMap, headers: HeaderMap) -> Reply {
    let ranges = request.get(RANGE).and_then(range::read);
    let is_cut = matches!(entry.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    let Some(ranges) = ranges.filter(|_| is_cut) else {
        return Reply { status: entry.status, headers, content: whole(entry) };
    };
    if let Some(part) = entry.part {
        let range = ranges.first().copied().unwrap_or(Range::From(part.first, None));
        return single(entry, headers, held(part, range, entry.body.len()), part.first, part.total);
    }
    let total = entry.body.len() as u64;
    match range::spans(&ranges, total)[..] {
        [] => unsatisfiable(headers, total),
        [span] => single(entry, headers, span, 0, Some(total)),
        // Sent in parts, they would be more than the whole.
        ref spans if spans.iter().map(|(first, last)| last - first + 1).sum::<u64>() > total => {
            Reply { status: entry.status, headers, content: whole(entry) }
        }
        ref spans => multiple(entry, headers, spans, total),
    }
}

/// Of a part that may be shorter than its origin said: then it ends where the whole does.
fn held(part: Part, range: Range, length: usize) -> Span {
    let (first, last) = part.hold(range).unwrap_or((part.first, part.last));
    let missing = part.len().saturating_sub(length as u64);
    match range {
        Range::Last(_) => (first.saturating_sub(missing).max(part.first), last.saturating_sub(missing)),
        Range::From(..) => (first, last),
    }
}

/// `start` is where the stored content stands.
fn single(entry: &Entry, mut headers: HeaderMap, span: Span, start: u64, total: Option<u64>) -> Reply {
    let bytes = slice(&entry.body, span, start);
    let last = span.0 + (bytes.len() as u64).saturating_sub(1);
    headers.insert(CONTENT_RANGE, content_range((span.0, last), total));
    headers.insert(CONTENT_LENGTH, decimal::value(bytes.len() as u64));
    Reply { status: StatusCode::PARTIAL_CONTENT, headers, content: Content::Whole { bytes, trailers: None } }
}

fn unsatisfiable(mut headers: HeaderMap, total: u64) -> Reply {
    let range =
        HeaderValue::try_from(format!("bytes */{total}")).unwrap_or(HeaderValue::from_static("bytes */*"));
    headers.insert(CONTENT_RANGE, range);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.remove(CONTENT_TYPE);
    Reply { status: StatusCode::RANGE_NOT_SATISFIABLE, headers, content: Content::Empty }
}

/// RFC 9110 §14.6.
fn multiple(entry: &Entry, mut headers: HeaderMap, spans: &[Span], total: u64) -> Reply {
    // Nobody who writes the content can know it.
    let boundary = format!("{:032x}", rand::random::<u128>());
    let kind = headers.get(CONTENT_TYPE).cloned();
    let mut pieces = Vec::with_capacity(2 * spans.len() + 1);
    for span in spans {
        let mut head = format!("\r\n--{boundary}\r\n").into_bytes();
        if let Some(kind) = &kind {
            head.extend_from_slice(b"Content-Type: ");
            head.extend_from_slice(kind.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"Content-Range: ");
        head.extend_from_slice(content_range(*span, Some(total)).as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        pieces.push(Bytes::from(head));
        pieces.push(slice(&entry.body, *span, 0));
    }
    pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    let length = pieces.iter().map(Bytes::len).sum::<usize>();
    headers.insert(CONTENT_LENGTH, decimal::value(length as u64));
    headers.remove(CONTENT_RANGE);
    if let Ok(kind) = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}")) {
        headers.insert(CONTENT_TYPE, kind);
    }
    Reply { status: StatusCode::PARTIAL_CONTENT, headers, content: Content::Pieces(pieces) }
}

/// What there is of it: an origin may have sent less than it said.
fn slice(body: &Bytes, (first, last): Span, start: u64) -> Bytes {
    let at = |position: u64| usize::try_from(position - start).unwrap_or(usize::MAX).min(body.len());
    body.slice(at(first)..at(last.saturating_add(1)).max(at(first)))
}

#[cfg(test)]
mod tests;
