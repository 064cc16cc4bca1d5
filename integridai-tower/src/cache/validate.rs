//! Asking the origin whether what is stored is still right (RFC 9111 §4.3), and for what is missing of it (§3.4).

use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue};

use super::condition::{is_same_tag, is_strong};
use super::date;
use super::entry::Entry;

/// Makes a request ask whether the entry is still right, in place of what the client asked by conditions and ranges.
pub(super) fn ask(request: &mut HeaderMap, entry: &Entry) {
    ask_whole(request);
    for (asked, stored) in [(IF_NONE_MATCH, ETAG), (IF_MODIFIED_SINCE, LAST_MODIFIED)] {
        if let Some(validator) = entry.headers().get(stored) {
            request.insert(asked, validator.clone());
        }
    }
}

/// Makes a request ask for all of it, whatever the client has.
pub(super) fn ask_whole(request: &mut HeaderMap) {
    for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
        request.remove(name);
    }
}

/// Makes a request ask for what the stored part lacks, as long as it is a part of the same; `false` where that cannot be
/// asked, or would be larger than `largest_body` together.
pub(super) fn ask_rest(request: &mut HeaderMap, entry: &Entry, largest_body: usize) -> bool {
    let Some(part) = entry.part.filter(|part| part.first == 0 && part.len() == entry.body.len() as u64)
    else {
        return false;
    };
    if part.total.is_none_or(|total| total > largest_body as u64) {
        return false;
    }
    let Some(tag) = entry.headers().get(ETAG).filter(|tag| is_strong(tag)) else { return false };
    request.insert(RANGE, range_from(part.last + 1));
    request.insert(IF_RANGE, tag.clone());
    true
}

/// Whether a 304 is about this entry (RFC 9111 §4.3.4).
pub(super) fn is_confirmed(entry: &Entry, confirming: &HeaderMap) -> bool {
    match (confirming.get(ETAG), entry.headers().get(ETAG)) {
        (Some(one), Some(two)) if is_strong(one) => one == two,
        (Some(one), Some(two)) => is_same_tag(one.as_bytes(), two.as_bytes()),
        (Some(one), None) => !is_strong(one),
        (None, _) => match (confirming.get(LAST_MODIFIED), entry.headers().get(LAST_MODIFIED)) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        },
    }
}

/// Whether the response to a HEAD is about this entry (RFC 9111 §4.3.5).
pub(super) fn is_confirmed_by_head(entry: &Entry, head: &HeaderMap) -> bool {
    let stored = entry.headers();
    let is_same = |name: HeaderName| match (head.get(&name), stored.get(&name)) {
        (Some(one), Some(two)) => one == two,
        (Some(_), None) => name == CONTENT_LENGTH,
        (None, _) => true,
    };
    entry.part.is_none() && [ETAG, LAST_MODIFIED, CONTENT_LENGTH, CONTENT_ENCODING].into_iter().all(is_same)
}

/// The stored fields with those of the confirming response over them, but for what tells of the content as it was sent
/// (RFC 9111 §3.2).
pub(super) fn merged(entry: &Entry, confirming: &HeaderMap, received: u64) -> HeaderMap {
    const KEPT: [HeaderName; 3] = [CONTENT_LENGTH, CONTENT_RANGE, TRANSFER_ENCODING];
    let mut headers = entry.stored_headers();
    for name in confirming.keys().filter(|name| !KEPT.contains(name)) {
        headers.remove(name);
        for value in confirming.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    if !confirming.contains_key(DATE) {
        headers.insert(DATE, date::print(received));
    }
    if !confirming.contains_key(AGE) {
        headers.remove(AGE);
    }
    headers
}

fn range_from(first: u64) -> HeaderValue {
    HeaderValue::try_from(format!("bytes={first}-")).unwrap_or(HeaderValue::from_static("bytes=0-"))
}

#[cfg(test)]
mod tests;
