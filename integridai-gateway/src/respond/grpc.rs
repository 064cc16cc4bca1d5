//! Refusals of gRPC calls: a client of gRPC reads a status in a field, and not a problem document.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// All but visible ASCII and the space, and `%` itself (gRPC over HTTP/2, "Status-Message").
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Whether a request is a call of gRPC: `application/grpc`, and with a codec behind a `+`. gRPC-Web is not.
#[must_use]
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let (kind, rest) = kind.split_at_checked(GRPC.len()).unwrap_or_default();
    kind.eq_ignore_ascii_case(GRPC.as_bytes()) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

/// The answer with a status and nothing behind it ("Trailers-Only"), with the fields that the refusal had.
pub(super) fn trailers_only(mut response: Response, detail: &str) -> Response {
    let code = code(response.status());
    metrics::counter!("integridai_grpc_refused_total", "grpc_status" => code.to_string()).increment(1);
    *response.status_mut() = StatusCode::OK;
    *response.version_mut() = Version::default();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_ENCODING);
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(STATUS, HeaderValue::from(code));
    if let Ok(message) = HeaderValue::try_from(utf8_percent_encode(detail, ENCODED).to_string()) {
        headers.insert(MESSAGE, message);
    }
    *response.body_mut() = Body::empty();
    response
}

/// What gRPC calls it. As "HTTP to gRPC Status Code Mapping" has it for answers of proxies, but for limits, of which gRPC says
/// `RESOURCE_EXHAUSTED` where it names them itself.
fn code(status: StatusCode) -> u16 {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR => 13,
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => 12,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => 4,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => 14,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_grpc_are_told_by_their_content_type() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("Application/gRPC+proto", true),
            ("application/grpc;x=1", true),
            ("application/grpc-web", false),
            ("application/grpcx", false),
            ("application/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(is_grpc(&headers), expected, "{kind}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn a_message_is_visible_ascii() {
        let response =
            Response::builder().status(503).header("retry-after", "7").body(Body::from("x")).unwrap();
        let answer = trailers_only(response, "50 % of ñandú\n");
        assert_eq!((answer.status(), &answer.headers()[STATUS]), (StatusCode::OK, &HeaderValue::from(14)));
        assert_eq!(answer.headers()[MESSAGE], "50 %25 of %C3%B1and%C3%BA%0A");
        assert_eq!(answer.headers()["retry-after"], "7", "what the refusal says besides stays");
    }
}
