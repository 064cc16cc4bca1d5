//! One fetch: over HTTP, bounded in size and time, without redirects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use serde::Deserialize;
use tower_service::Service;

use crate::auth::jwt::{JwksError, JwksReader, Loaded};
use crate::{BoxError, ConfigError};

/// Why keys could not be fetched.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The service could not be reached, or broke off.
    #[error("the keys could not be fetched")]
    Transport(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("the keys did not come in time")]
    TimedOut,
    /// The answer has another status than 200; redirects are not followed.
    #[error("the keys' endpoint answered {0}")]
    Status(StatusCode),
    /// The answer is larger than is accepted.
    #[error("the keys' endpoint answered with more than {0} bytes")]
    TooLarge(usize),
    /// The discovery document is malformed or of another issuer, or names a URL that is not accepted.
    #[error("the discovery document cannot be used: {0}")]
    Discovery(&'static str),
    /// The answer is no set of keys.
    #[error("the keys cannot be used")]
    Keys(#[from] JwksError),
    /// Not one of the keys can be used.
    #[error("none of the keys can be used")]
    NoKeys,
}

/// Where the keys are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Jwks(Uri),
    /// The issuer, and where its discovery document is.
    Discovery(Box<str>, Uri),
}

/// What is fetched, and how.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    pub(super) place: Place,
    pub(super) limits: Limits,
    pub(super) reader: JwksReader,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) timeout: Duration,
    pub(super) max_bytes: usize,
    pub(super) plain_http: bool,
}

/// The one member of OpenID Connect Discovery 1.0 §3 that is followed, and the one that is checked.
#[derive(Deserialize)]
struct Metadata {
    issuer: Box<str>,
    jwks_uri: Box<str>,
}

/// `https://`, or `http://` on loopback or where it is allowed.
pub(super) fn parse_url(url: &str, plain_http: bool) -> Result<Uri, ConfigError> {
    let refused = |reason: &'static str| ConfigError::new("url", reason);
    let uri: Uri = url.parse().map_err(|_| refused("not a URL"))?;
    let host = uri.host().ok_or_else(|| refused("has no host"))?;
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(uri),
        Some(scheme) if *scheme == Scheme::HTTP && (plain_http || is_loopback(host)) => Ok(uri),
        Some(scheme) if *scheme == Scheme::HTTP => {
            Err(refused("keys that come over http:// can be anybody's; use https://"))
        }
        _ => Err(refused("neither https:// nor http://")),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `None` where the answer is the one that was `seen` before.
pub(super) async fn fetch<S, B>(
    service: &mut S,
    Fetch { place, limits, reader }: &Fetch,
    seen: &mut Bytes,
) -> Result<Option<Loaded>, FetchError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let all = async {
        let url = match place {
            Place::Jwks(url) => url.clone(),
            Place::Discovery(issuer, url) => {
                let document = get(service, url, limits.max_bytes).await?;
                jwks_url(&document, issuer, limits.plain_http)?
            }
        };
        let text = get(service, &url, limits.max_bytes).await?;
        if text == *seen {
            return Ok(None);
        }
        let loaded = reader.read(&text)?;
        if loaded.keys.is_empty() {
            return Err(FetchError::NoKeys);
        }
        *seen = text;
        Ok(Some(loaded))
    };
    tokio::time::timeout(limits.timeout, all).await.unwrap_or(Err(FetchError::TimedOut))
}

/// OpenID Connect Discovery 1.0 §4.3: the issuer must be the very one that was asked for.
fn jwks_url(document: &[u8], issuer: &str, plain_http: bool) -> Result<Uri, FetchError> {
    let metadata: Metadata =
        serde_json::from_slice(document).map_err(|_| FetchError::Discovery("not of the expected form"))?;
    if *metadata.issuer != *issuer {
        return Err(FetchError::Discovery("it is of another issuer"));
    }
    parse_url(&metadata.jwks_uri, plain_http).map_err(|_| FetchError::Discovery("jwks_uri is not https://"))
}

async fn get<S, B>(service: &mut S, url: &Uri, max_bytes: usize) -> Result<Bytes, FetchError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut request = Request::new(Full::default());
    *request.uri_mut() = url.clone();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    std::future::poll_fn(|context| service.poll_ready(context)).await.map_err(transport)?;
    let response = service.call(request).await.map_err(transport)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let body = Limited::new(response.into_body(), max_bytes).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() { FetchError::TooLarge(max_bytes) } else { transport(error) }
    })
}

fn transport(error: impl Into<BoxError>) -> FetchError {
    FetchError::Transport(error.into().into())
}
