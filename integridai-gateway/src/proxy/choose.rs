//! Among the routes of one template.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::header::ALLOW;
use http::{HeaderValue, Request, StatusCode, request};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use super::prepare::Passage;
use super::route::{Route, Unfit};
use crate::respond::Problem;

/// A route, and what serves it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which requests.
    pub route: Route,
    /// What they go through there.
    pub passage: Arc<Passage>,
    /// By what.
    pub service: BoxCloneSyncService<Request<Body>, Response, Infallible>,
}

/// Gives each request to the first that takes it.
#[derive(Debug, Clone)]
pub struct Choose(Arc<[Candidate]>);

impl Choose {
    /// Among these, in this order.
    pub fn among(candidates: impl IntoIterator<Item = Candidate>) -> Self {
        Self(candidates.into_iter().collect())
    }

    /// The first that takes a request with this head.
    ///
    /// # Errors
    ///
    /// The refusal, where none does.
    #[expect(clippy::result_large_err, reason = "it is given to the client as it is")]
    pub fn find(&self, head: &request::Parts) -> Result<&Candidate, Response> {
        let mut unfit = Vec::new();
        for candidate in self.0.iter() {
            match candidate.route.fits(head) {
                Ok(()) => return Ok(candidate),
                Err(why) => unfit.push(why),
            }
        }
        Err(self.refusal(&unfit))
    }

    fn refusal(&self, unfit: &[Unfit]) -> Response {
        if !unfit.contains(&Unfit::Method) {
            let detail = "there is nothing at this path of this host; see /docs";
            return Problem::new(StatusCode::NOT_FOUND, detail).into_response();
        }
        let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
        let of_host = self.0.iter().zip(unfit).filter(|(_, unfit)| **unfit == Unfit::Method);
        let methods: Vec<&str> =
            of_host.flat_map(|(candidate, _)| candidate.route.methods()).map(String::as_str).collect();
        if let Ok(allowed) = HeaderValue::try_from(methods.join(", ")) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        response
    }
}

impl Service<Request<Body>> for Choose {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (head, body) = request.into_parts();
        match self.find(&head) {
            Ok(candidate) => Box::pin(candidate.service.clone().oneshot(Request::from_parts(head, body))),
            Err(refusal) => Box::pin(async { Ok(refusal) }),
        }
    }
}
