//! What the client gets once the origin has answered.

use bytes::Bytes;
use http::header::AGE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;

use super::body::CacheBody;
use super::flight::{Served, StreamHead};
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

/// What the origin answers and is stored as it comes.
pub(super) fn streaming<B: Body<Data = Bytes>>(
    shared: &Shared,
    head: StreamHead,
    reader: Reader<B>,
    forward: Forward,
) -> Response<CacheBody<B>> {
    let body = CacheBody::shared(reader);
    let member = |status| Member { forward_status: Some(status), ..Member::forwarded(forward) };
    match head {
        StreamHead::Own(parts) => {
            let member = Member { is_stored: true, ..member(parts.status) };
            let mut response = Response::from_parts(*parts, body);
            tell(response.headers_mut(), member, shared);
            CacheOutcome::Stored.put(response.extensions_mut());
            response
        }
        StreamHead::Shared { status, mut headers } => {
            if !headers.contains_key(AGE) {
                headers.insert(AGE, HeaderValue::from_static("0"));
            }
            tell(&mut headers, Member { is_collapsed: true, ..member(status) }, shared);
            let mut response = Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            CacheOutcome::Collapsed.put(response.extensions_mut());
            response
        }
    }
}

/// What is told of a stored response that is the answer after all.
pub(super) fn told(served: Served, forward: Forward, is_collapsed: bool) -> (Option<Member>, CacheOutcome) {
    let (forward_status, outcome) = match served {
        Served::Confirmed => (Some(StatusCode::NOT_MODIFIED), CacheOutcome::Confirmed),
        Served::InPlaceOfError(status) => (status, CacheOutcome::StaleIfError),
    };
    (Some(Member { forward_status, is_collapsed, ..Member::forwarded(forward) }), outcome)
}

fn tell(headers: &mut HeaderMap, member: Member, shared: &Shared) {
    headers.append(CACHE_STATUS, member.print(&shared.name));
}
