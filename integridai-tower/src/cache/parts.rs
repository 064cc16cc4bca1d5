//! Putting stored parts together (RFC 9111 §3.4).

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::assess::Draft;
use super::condition::is_strong;
use super::decimal;
use super::entry::Entry;
use super::range::Part;

/// What a stored part and a new one are together, if they are of the same content and touch. The fields are those of the new one
/// over those of the stored one.
pub(super) fn joint_draft(entry: &Entry, draft: &Draft) -> Option<Draft> {
    let (stored, new) = (entry.part?, draft.part?);
    let tag = draft.headers.get(ETAG).filter(|tag| is_strong(tag))?;
    let is_same = entry.headers().get(ETAG) == Some(tag) && stored.total == new.total;
    if !is_same || stored.len() != entry.body.len() as u64 {
        return None;
    }
    let part = joint(stored, new)?;
    let is_whole = part.total == Some(part.len());
    let mut headers = fields_over(entry, &draft.headers);
    headers.insert(CONTENT_LENGTH, decimal::value(part.len()));
    if is_whole {
        headers.remove(CONTENT_RANGE);
    } else {
        headers.insert(CONTENT_RANGE, content_range((part.first, part.last), part.total));
    }
    let status = if is_whole { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
    Some(Draft { status, headers, part: (!is_whole).then_some(part), ..draft.clone() })
}

/// The content of both.
pub(super) fn joint_content(entry: &Entry, new: Part, body: &Bytes) -> Option<Bytes> {
    if new.len() != body.len() as u64 {
        return None;
    }
    joined((entry.part?, &entry.body), (new, body))
}

/// `bytes 0-4/10`
pub(super) fn content_range((first, last): (u64, u64), total: Option<u64>) -> HeaderValue {
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    HeaderValue::try_from(format!("bytes {first}-{last}/{total}"))
        .unwrap_or(HeaderValue::from_static("bytes */*"))
}

fn fields_over(entry: &Entry, new: &HeaderMap) -> HeaderMap {
    let mut headers = entry.stored_headers();
    for name in new.keys() {
        headers.remove(name);
        for value in new.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// Two parts that touch or overlap, as one.
fn joint(one: Part, two: Part) -> Option<Part> {
    let (early, late) = if one.first <= two.first { (one, two) } else { (two, one) };
    (late.first <= early.last + 1).then(|| Part { last: early.last.max(late.last), ..early })
}

fn joined(one: (Part, &Bytes), two: (Part, &Bytes)) -> Option<Bytes> {
    let ((early, head), (late, tail)) = if one.0.first <= two.0.first { (one, two) } else { (two, one) };
    joint(early, late)?;
    let known = usize::try_from(early.last + 1 - late.first).ok()?.min(tail.len());
    let mut content = BytesMut::with_capacity(head.len() + tail.len() - known);
    content.extend_from_slice(head);
    content.extend_from_slice(&tail[known..]);
    Some(content.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(first: u64, text: &'static str) -> (Part, Bytes) {
        let last = first + text.len() as u64 - 1;
        (Part { first, last, total: Some(10) }, Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn parts_that_touch_are_joined_in_their_order() {
        let join = |one: &(Part, Bytes), two: &(Part, Bytes)| joined((one.0, &one.1), (two.0, &two.1));
        let whole = Some(Bytes::from_static(b"0123456789"));
        assert_eq!(join(&part(0, "01234"), &part(5, "56789")), whole);
        assert_eq!(join(&part(5, "56789"), &part(0, "01234")), whole);
        assert_eq!(join(&part(0, "0123456"), &part(3, "3456789")), whole);
        assert_eq!(join(&part(0, "0123456789"), &part(3, "345")), whole);
        assert_eq!(join(&part(0, "01"), &part(3, "345")), None);
    }
}
