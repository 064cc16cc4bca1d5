//! How an entry stands in Redis: a version, a checksum, and fields one after the other. What cannot be read is nothing.

mod text;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, StatusCode};

use self::text::{Reader, Writer};
use super::log::Position;
use crate::cache::entry::{Contents, Entry};
use crate::cache::freshness::Freshness;
use crate::cache::range::Part;
use crate::cache::storable::LeftOut;
use crate::cache::vary::{Selected, Selecting};

/// Counted up whenever the fields change: replicas of two versions pass each other's entries over.
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const COMPRESSED: u8 = 1;
/// Version, kind, checksum.
const HEAD: usize = 6;
/// What claims to be larger once it is decompressed is not.
const LARGEST: usize = 256 << 20;

/// What claims to have more fields is no response that was received.
const MOST_FIELDS: usize = 1 << 12;

/// An entry, with what is needed to know whether it was purged meanwhile.
#[derive(Debug)]
pub(super) struct Record {
    /// What its writer had heard of when it was written.
    pub(super) position: Position,
    pub(super) url: String,
    pub(super) entry: Entry,
}

/// Compresses what is larger than this many bytes, if that makes it notably smaller.
pub(super) fn encode(position: Position, url: &str, entry: &Entry, compress_above: usize) -> Vec<u8> {
    let mut writer = Writer::new(HEAD + entry.weight());
    writer.raw(&[0; HEAD]);
    writer.number(position.time);
    writer.number(position.number);
    writer.bytes(url.as_bytes());
    write_entry(&mut writer, entry);
    let plain = writer.into_bytes();
    let packed = if plain.len() - HEAD > compress_above { pack(&plain[HEAD..]) } else { None };
    let (kind, mut text) = packed.map_or((PLAIN, plain), |packed| (COMPRESSED, packed));
    text[0] = VERSION;
    text[1] = kind;
    let checksum = checksum(kind, &text[HEAD..]);
    text[2..HEAD].copy_from_slice(&checksum);
    text
}

/// `None` for what another version or nobody has written.
pub(super) fn decode(text: &Bytes) -> Option<Record> {
    let (head, rest) = text.split_at_checked(HEAD)?;
    if head[0] != VERSION || head[2..] != checksum(head[1], rest) {
        return None;
    }
    let plain = match head[1] {
        PLAIN => text.slice(HEAD..),
        COMPRESSED => unpack(rest)?,
        _ => return None,
    };
    let mut reader = Reader::new(plain);
    let position = Position { time: reader.number()?, number: reader.number()? };
    let url = reader.string()?;
    let entry = read_entry(&mut reader)?;
    reader.is_at_end().then_some(Record { position, url, entry })
}

fn checksum(kind: u8, text: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(text);
    hasher.finalize().to_le_bytes()
}

/// What tells the variants of a URL apart.
pub(super) fn variant(entry: &Entry) -> Vec<u8> {
    let mut writer = Writer::new(64);
    for selected in &entry.selecting.0 {
        writer.bytes(selected.name.as_str().as_bytes());
        writer.option(selected.normal.as_deref());
    }
    writer.into_bytes()
}

/// With a head that is still empty; `None` where it would not save an eighth.
fn pack(plain: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(plain.len()).ok()?.to_le_bytes();
    let start = HEAD + length.len();
    let mut packed = vec![0; start + lz4_flex::block::get_maximum_output_size(plain.len())];
    let written = lz4_flex::block::compress_into(plain, &mut packed[start..]).ok()?;
    packed.truncate(start + written);
    packed[HEAD..start].copy_from_slice(&length);
    (packed.len() < plain.len() - plain.len() / 8).then_some(packed)
}

fn unpack(packed: &[u8]) -> Option<Bytes> {
    let (length, packed) = packed.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // A block of LZ4 holds 255 times its length at most.
    if length > LARGEST || length > packed.len().saturating_mul(255) {
        return None;
    }
    let plain = lz4_flex::block::decompress(packed, length).ok()?;
    (plain.len() == length).then(|| plain.into())
}

fn write_entry(writer: &mut Writer, entry: &Entry) {
    writer.number(entry.status.as_u16().into());
    writer.flag(entry.is_expired());
    write_freshness(writer, &entry.freshness);
    writer.number(entry.selecting.0.len() as u64);
    for selected in &entry.selecting.0 {
        writer.bytes(selected.name.as_str().as_bytes());
        writer.option(selected.raw.as_ref().map(HeaderValue::as_bytes));
        writer.option(selected.normal.as_deref());
        writer.option(selected.language.as_deref());
    }
    writer.flag(entry.part.is_some());
    if let Some(part) = entry.part {
        writer.number(part.first);
        writer.number(part.last);
        writer.flag(part.total.is_some());
        writer.number(part.total.unwrap_or(0));
    }
    write_headers(writer, &entry.stored_headers());
    writer.flag(entry.trailers.is_some());
    entry.trailers.iter().for_each(|trailers| write_headers(writer, trailers));
    writer.bytes(&entry.body);
}

fn read_entry(reader: &mut Reader) -> Option<Entry> {
    let status = StatusCode::from_u16(u16::try_from(reader.number()?).ok()?).ok()?;
    let is_expired = reader.flag()?;
    let freshness = read_freshness(reader)?;
    let selecting = Selecting((0..reader.count()?).map(|_| read_selected(reader)).collect::<Option<_>>()?);
    let part = if reader.flag()? { Some(read_part(reader)?) } else { None };
    let headers = read_headers(reader)?;
    let trailers = if reader.flag()? { Some(read_headers(reader)?) } else { None };
    let body = reader.bytes()?;
    let (headers, left_out) = (&headers, &LeftOut::default());
    let contents = Contents { status, headers, left_out, body, trailers, freshness, selecting, part };
    let entry = Entry::new(contents);
    if is_expired {
        entry.expire();
    }
    Some(entry)
}

fn write_freshness(writer: &mut Writer, freshness: &Freshness) {
    writer.flag(freshness.is_always_validated);
    writer.flag(freshness.is_never_stale);
    let Freshness { received, date, age_at_receipt, lifetime, while_revalidating, if_error, .. } = *freshness;
    for seconds in [received, date, age_at_receipt, lifetime, while_revalidating, if_error] {
        writer.number(seconds);
    }
}

fn read_freshness(reader: &mut Reader) -> Option<Freshness> {
    Some(Freshness {
        is_always_validated: reader.flag()?,
        is_never_stale: reader.flag()?,
        received: reader.number()?,
        date: reader.number()?,
        age_at_receipt: reader.number()?,
        lifetime: reader.number()?,
        while_revalidating: reader.number()?,
        if_error: reader.number()?,
    })
}

fn read_selected(reader: &mut Reader) -> Option<Selected> {
    let name = HeaderName::from_bytes(&reader.bytes()?).ok()?;
    let raw = match reader.option()? {
        Some(raw) => Some(HeaderValue::from_maybe_shared(raw).ok()?),
        None => None,
    };
    let normal = reader.option()?.map(Vec::from);
    Some(Selected { name, raw, normal, language: reader.option()?.map(Vec::from) })
}

fn read_part(reader: &mut Reader) -> Option<Part> {
    let (first, last, has_total, total) =
        (reader.number()?, reader.number()?, reader.flag()?, reader.number()?);
    let total = has_total.then_some(total);
    // What `Content-Range` may say (RFC 9110 §14.4).
    let is_part = first <= last && last < u64::MAX && total.is_none_or(|total| last < total);
    is_part.then_some(Part { first, last, total })
}

fn write_headers(writer: &mut Writer, headers: &HeaderMap) {
    writer.number(headers.len() as u64);
    for (name, value) in headers {
        writer.bytes(name.as_str().as_bytes());
        writer.bytes(value.as_bytes());
    }
}

fn read_headers(reader: &mut Reader) -> Option<HeaderMap> {
    // Far less than a map of them can have, which would panic.
    let count = reader.count().filter(|count| *count <= MOST_FIELDS)?;
    let mut headers = HeaderMap::try_with_capacity(count.min(256)).ok()?;
    for _ in 0..count {
        let name = HeaderName::from_bytes(&reader.bytes()?).ok()?;
        let value = HeaderValue::from_maybe_shared(reader.bytes()?).ok()?;
        headers.try_append(name, value).ok()?;
    }
    Some(headers)
}

#[cfg(test)]
mod tests;
