//! Strategies see the head of a request; most requests meet none, and then nothing of them is moved.

use std::mem::swap;

use http::{Request, request};

/// The answer to a question about the head, which is taken out of the request for it and put back.
pub(super) fn ask<B, T>(request: &mut Request<B>, question: impl FnOnce(&request::Parts) -> T) -> T {
    let (mut head, ()) = Request::new(()).into_parts();
    trade(request, &mut head);
    let answer = question(&head);
    trade(request, &mut head);
    answer
}

fn trade<B>(request: &mut Request<B>, head: &mut request::Parts) {
    swap(request.method_mut(), &mut head.method);
    swap(request.uri_mut(), &mut head.uri);
    swap(request.version_mut(), &mut head.version);
    swap(request.headers_mut(), &mut head.headers);
    swap(request.extensions_mut(), &mut head.extensions);
}
