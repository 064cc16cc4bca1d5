//! Whom the authenticate layer lets in, and what the inner service gets of the request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, request};
use http_body_util::BodyExt;
use integridai_tower::auth::{AuthenticateLayer, Bearer, Decision, Denied, Reason};
use integridai_tower::{EarlyBody, Principal, Refused};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::endpoint::{Answer, answer};

/// All that a client and the layers further out see.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) refused: Option<Refused>,
    pub(crate) denied: Option<Denied>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn challenges(&self) -> Vec<&str> {
        self.headers.get_all(WWW_AUTHENTICATE).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn reason(&self) -> Option<Reason> {
        let reason = self.denied.as_ref().map(Denied::reason);
        let refused = reason.map(|reason| Refused { layer: "auth", reason: reason.as_str() });
        assert_eq!(self.refused, refused, "the two extensions say the same");
        reason
    }
}

pub(crate) async fn ask<S>(service: S, request: Request<()>) -> Reply
where
    S: Service<Request<()>, Response = Response<EarlyBody<http_body_util::Full<Bytes>>>, Error = Infallible>,
{
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: head.status,
        headers: head.headers,
        refused: head.extensions.get().copied(),
        denied: head.extensions.get().cloned(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// A request for `/v1/thing` with these fields.
pub(crate) fn with(fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::get("/v1/thing?secret=1").body(()).unwrap();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

pub(crate) fn token(token: &str) -> Request<()> {
    with(&[("authorization", &format!("Bearer {token}"))])
}

type Verify = fn(&str) -> Result<Principal, Reason>;

/// Knows the token `alice`; `expired` is expired and every other one of an unknown key.
pub(crate) fn bearer() -> Bearer<Verify> {
    Bearer::new(|token: &str| match token {
        "alice" => Ok(Principal::builder("alice").scopes(["a", "b"]).roles(["admin"]).build()),
        "expired" => Err(Reason::Expired),
        _ => Err(Reason::UnknownKey),
    })
}

/// Answers with the principal's subject.
#[allow(clippy::needless_pass_by_value, reason = "a service is called with its request")]
pub(crate) fn subject(request: Request<()>) -> Ready<Result<Answer, Infallible>> {
    let principal = request.extensions().get::<Principal>();
    ready(Ok(answer(200, principal.map_or("nobody", |principal| principal.subject()).to_owned())))
}

/// Answers with all fields, a line each, and marks those that are sensitive.
#[allow(clippy::needless_pass_by_value, reason = "a service is called with its request")]
pub(crate) fn fields(request: Request<()>) -> Ready<Result<Answer, Infallible>> {
    let line = |(name, value): (&HeaderName, &http::HeaderValue)| {
        let mark = if value.is_sensitive() { " (sensitive)" } else { "" };
        format!("{name}: {}{mark}", value.to_str().unwrap())
    };
    let mut lines: Vec<String> = request.headers().iter().map(line).collect();
    lines.sort();
    ready(Ok(answer(200, lines.join("\n"))))
}

fn nobody(_: &request::Parts) -> Decision {
    Ok(None)
}

#[tokio::test]
async fn a_known_caller_is_let_in_with_its_principal() {
    let layer = AuthenticateLayer::new(bearer());
    let reply = ask(layer.layer(service_fn(subject)), token("alice")).await;
    assert_eq!((reply.status.as_u16(), &*reply.body, reply.reason()), (200, "alice", None));
}

#[tokio::test]
async fn the_first_authenticator_that_finds_credentials_decides() {
    let asked = Arc::new(AtomicUsize::new(0));
    let last = {
        let asked = Arc::clone(&asked);
        move |_: &request::Parts| -> Decision {
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(Some(Principal::builder("by-the-last").build()))
        }
    };
    let service = AuthenticateLayer::new(nobody).or(bearer()).or(last).layer(service_fn(subject));
    assert_eq!(ask(service.clone(), token("alice")).await.body, "alice");
    assert_eq!(ask(service.clone(), token("expired")).await.reason(), Some(Reason::Expired));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(ask(service, with(&[])).await.body, "by-the-last");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn only_requests_without_credentials_may_be_optional() {
    let layer = AuthenticateLayer::new(bearer())
        .optional_if(|request: &request::Parts| request.uri.path() == "/v1/thing");
    let service = layer.layer(service_fn(subject));
    assert_eq!(ask(service.clone(), with(&[])).await.body, "nobody");
    assert_eq!(ask(service.clone(), token("alice")).await.body, "alice");
    assert_eq!(ask(service.clone(), token("wrong")).await.reason(), Some(Reason::UnknownKey));
    let elsewhere = Request::get("/v2").body(()).unwrap();
    assert_eq!(ask(service, elsewhere).await.reason(), Some(Reason::NoCredentials));
}

#[tokio::test]
async fn a_principal_that_was_there_before_is_forgotten() {
    let forged = |mut request: Request<()>| {
        request.extensions_mut().insert(Principal::builder("forged").build());
        request
    };
    let layer = AuthenticateLayer::new(bearer()).optional_if(|_: &request::Parts| true);
    let service = layer.clone().layer(service_fn(subject));
    assert_eq!(ask(service.clone(), forged(with(&[]))).await.body, "nobody");
    assert_eq!(ask(service, forged(token("alice"))).await.body, "alice");
    let service = layer.trust_earlier_principal().layer(service_fn(subject));
    assert_eq!(ask(service.clone(), forged(token("alice"))).await.body, "forged");
    assert_eq!(ask(service, token("alice")).await.body, "alice");
}

#[tokio::test]
async fn credentials_do_not_go_on_unless_told() {
    let request = || with(&[("authorization", "Bearer alice"), ("accept", "*/*")]);
    let layer = AuthenticateLayer::new(bearer());
    let reply = ask(layer.clone().layer(service_fn(fields)), request()).await;
    assert_eq!(reply.body, "accept: */*");
    let reply = ask(layer.keep_credentials().layer(service_fn(fields)), request()).await;
    assert_eq!(reply.body, "accept: */*\nauthorization: Bearer alice (sensitive)");
    let lenient = AuthenticateLayer::new(bearer()).optional_if(|_: &request::Parts| true);
    let basic = with(&[("authorization", "Basic eDp5")]);
    assert_eq!(ask(lenient.layer(service_fn(fields)), basic).await.body, "");
}

#[tokio::test]
async fn a_rejection_of_your_own_is_the_whole_response_and_keeps_the_extensions() {
    let layer = AuthenticateLayer::new(bearer()).reject_with(|denied: &Denied, request: &request::Parts| {
        let is_hidden = request.headers.get(AUTHORIZATION).unwrap().is_sensitive();
        let body = format!("{} {} {is_hidden}", denied.reason(), request.uri.path());
        Response::builder().status(404).body(Bytes::from(body)).unwrap()
    });
    let reply = ask(layer.layer(service_fn(subject)), token("expired")).await;
    assert_eq!((reply.status.as_u16(), &*reply.body), (404, "expired /v1/thing true"));
    assert_eq!(reply.reason(), Some(Reason::Expired));
    assert!(reply.headers.is_empty());
}

#[tokio::test]
async fn a_refused_request_never_reaches_the_inner_service() {
    let unreached = service_fn(async |_: Request<()>| -> Result<Answer, Infallible> { unreachable!() });
    for request in [with(&[]), token("expired"), with(&[("authorization", "Bearer")])] {
        let reply = ask(AuthenticateLayer::new(bearer()).layer(unreached), request).await;
        assert!(reply.reason().is_some(), "{reply:?}");
    }
}
