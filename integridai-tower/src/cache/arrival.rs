//! What the client gets once the origin has answered.

use http::header::AGE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::body::CacheBody;
use super::entry::Entry;
use super::flight::{Own, Served};
use super::shared::Shared;
use super::status::{CACHE_STATUS, Forward, Member};
use super::stream::Reader;
use crate::cache_outcome::CacheOutcome;

/// What the origin answered, as it is.
pub(super) fn passed<B>(
    shared: &Shared,
    response: Response<B>,
    forward: Forward,
    outcome: CacheOutcome,
) -> Response<CacheBody<B>> {
    let mut response = response.map(CacheBody::inner);
    let member = Member { forward_status: Some(response.status()), ..Member::forwarded(forward) };
    tell(response.headers_mut(), member, shared);
    outcome.put(response.extensions_mut());
    response
}

/// What the origin answers and is stored as it comes, for who asked.
pub(super) fn fetched<B>(shared: &Shared, own: Own<B>, forward: Forward) -> Response<CacheBody<B>> {
    let Own { head, body } = own;
    let forward_status = Some(head.status);
    let mut response = Response::from_parts(head, body);
    let member = Member { forward_status, is_stored: true, ..Member::forwarded(forward) };
    tell(response.headers_mut(), member, shared);
    CacheOutcome::Stored.put(response.extensions_mut());
    response
}

/// The same for the others.
pub(super) fn streaming<B>(
    shared: &Shared,
    (status, mut headers): (StatusCode, HeaderMap),
    reader: Reader<B>,
    forward: Forward,
) -> Response<CacheBody<B>> {
    if !headers.contains_key(AGE) {
        headers.insert(AGE, HeaderValue::from_static("0"));
    }
    let member = Member { forward_status: Some(status), is_collapsed: true, ..Member::forwarded(forward) };
    tell(&mut headers, member, shared);
    let mut response = Response::new(CacheBody::shared(reader));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    CacheOutcome::Collapsed.put(response.extensions_mut());
    response
}

/// What is told of a stored response that is the answer after all.
pub(super) fn told(
    (entry, served): (&Entry, Served),
    forward: Forward,
    is_collapsed: bool,
) -> (Option<Member>, CacheOutcome) {
    let (forward_status, outcome) = match served {
        Served::Shared => (Some(entry.status), CacheOutcome::Collapsed),
        Served::Confirmed => (Some(StatusCode::NOT_MODIFIED), CacheOutcome::Confirmed),
        Served::InPlaceOfError(status) => (status, CacheOutcome::StaleIfError),
    };
    (Some(Member { forward_status, is_collapsed, ..Member::forwarded(forward) }), outcome)
}

fn tell(headers: &mut HeaderMap, member: Member, shared: &Shared) {
    headers.append(CACHE_STATUS, member.print(&shared.name));
}
