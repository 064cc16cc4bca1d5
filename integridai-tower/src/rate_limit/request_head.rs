//! What a request is counted by.

use http::{Extensions, HeaderMap, Method, Request, Uri, Version, request};

/// A request without its body, as it lies in memory.
///
/// It is what [`http::request::Parts`] has, borrowed: taking the parts of a request and putting them together again copies all of
/// it twice, and a rate limit costs less than that.
///
/// ```
/// use http::Request;
/// use integridai_tower::rate_limit::RequestHead;
///
/// let request = Request::get("/a").header("x-device", "d1").body(())?;
/// let head = RequestHead::from(&request);
/// assert_eq!((head.uri.path(), &head.headers["x-device"]), ("/a", &"d1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target.
    pub uri: &'a Uri,
    /// The version of HTTP.
    pub version: Version,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// What layers further out have left.
    pub extensions: &'a Extensions,
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    #[inline]
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'a> From<&'a request::Parts> for RequestHead<'a> {
    fn from(parts: &'a request::Parts) -> Self {
        let request::Parts { method, uri, version, headers, extensions, .. } = parts;
        Self { method, uri, version: *version, headers, extensions }
    }
}
