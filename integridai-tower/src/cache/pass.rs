//! Requests that the store has no part in, and what their answers change in it.

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body::Body;

use super::arrival::{fetched, passed};
use super::body::CacheBody;
use super::errand::Errand;
use super::flight::Landing;
use super::invalidate::{content_location, is_success, named};
use super::key::Key;
use super::shared::Shared;
use super::status::Forward;
use crate::BoxError;
use crate::cache_outcome::CacheOutcome;

/// A request that goes to the origin as it is.
pub(super) struct Pass {
    pub(super) shared: Arc<Shared>,
    pub(super) forward: Forward,
    /// The URL that it may change.
    pub(super) changes: Option<Key<'static>>,
    /// For a POST, whose answer may be one for later GETs (RFC 9110 §9.3.3).
    pub(super) post: Option<Box<Errand>>,
}

impl Pass {
    pub(super) fn finish<B>(
        &mut self,
        response: Response<B>,
        context: &mut Context<'_>,
    ) -> Response<CacheBody<B>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if is_success(response.status()) {
            self.invalidate(&response);
        }
        match self.post.take() {
            Some(errand) if is_for_gets(&errand, &response) => self.store(errand, response, context),
            _ => passed(&self.shared, response, self.forward, CacheOutcome::Bypassed),
        }
    }

    /// RFC 9111 §4.4.
    fn invalidate<B>(&self, response: &Response<B>) {
        let Some(key) = &self.changes else { return };
        let remove = |key: &Key<'_>| {
            self.shared.changes.note(key.digest());
            self.shared.store.remove(key);
        };
        remove(key);
        for url in named(key, response.headers()) {
            remove(&self.shared.keys.of_url(&url));
        }
    }

    fn store<B>(
        &self,
        mut errand: Box<Errand>,
        response: Response<B>,
        context: &mut Context<'_>,
    ) -> Response<CacheBody<B>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // It was invalidated by this very answer.
        errand.mark = self.shared.changes.now();
        let landing: Landing<B, BoxError> = errand.settle(Ok(response), context);
        match landing {
            Landing::Streaming { leader: Some(own), .. } | Landing::Whole { leader: Some(own), .. } => {
                fetched(&self.shared, *own, self.forward)
            }
            Landing::Alone { answer: Some(Ok(response)), .. } => {
                passed(&self.shared, response, self.forward, CacheOutcome::Bypassed)
            }
            Landing::Alone { .. }
            | Landing::Streaming { .. }
            | Landing::Whole { .. }
            | Landing::Stored { .. } => unread(),
        }
    }
}

/// Never seen: a new stream can be read, and a POST is settled by its own answer.
fn unread<B>() -> Response<CacheBody<B>> {
    let mut response = Response::new(CacheBody::default());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

pub(super) fn may_be_for_gets(method: &Method) -> bool {
    method == Method::POST
}

fn is_for_gets<B>(errand: &Errand, response: &Response<B>) -> bool {
    let named = content_location(&errand.key(), response.headers());
    let is_own = named.is_some_and(|url| errand.shared.keys.of_url(&url).digest() == errand.digest);
    is_own && response.status().is_success() && errand.is_explicit(response)
}
