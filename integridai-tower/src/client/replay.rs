//! Bodies that can be sent twice.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Extensions, HeaderName, HeaderValue, Method, Request, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{CorrelationId, Deadline, Priority};

/// A request body of which there may be another one with the same content.
///
/// Whatever can be cloned is replayed by its clone: `Full<Bytes>`, `Empty`, `String`. A stream is sent [`Once`].
pub trait Replay: Sized {
    /// A body that sends the same, or `None` where this one can be sent only once.
    fn replay(&self) -> Option<Self>;
}

impl<B: Clone> Replay for B {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }
}

pin_project! {
    /// A body that is sent once, such as a stream: a request with it is not repeated.
    #[derive(Debug)]
    pub struct Once<B> {
        #[pin]
        body: B,
    }
}

impl<B> Once<B> {
    /// This body, and no other like it.
    pub fn new(body: B) -> Self {
        Self { body }
    }
}

impl<B> Replay for Once<B> {
    fn replay(&self) -> Option<Self> {
        None
    }
}

impl<B: Body> Body for Once<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request that is kept for another attempt, which mostly is not made: it is taken apart into what is cheap to copy, and put
/// together when it is sent.
#[derive(Debug)]
pub(super) struct Spare<B> {
    method: Method,
    uri: Uri,
    version: Version,
    /// A table of fields would be two allocations and a hash of each name.
    fields: Vec<(HeaderName, HeaderValue)>,
    extensions: Kept,
    body: B,
}

/// A copy of extensions costs three allocations and one for each of them. Those that are small and known are kept as they are.
#[derive(Debug)]
enum Kept {
    Known { deadline: Option<Deadline>, correlation_id: Option<CorrelationId>, priority: Option<Priority> },
    All(Extensions),
}

impl<B: Replay> Spare<B> {
    /// The same request again, if its body can be.
    pub(super) fn of(request: &Request<B>) -> Option<Self> {
        let body = request.body().replay()?;
        Some(Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            fields: request.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            extensions: Kept::of(request.extensions()),
            body,
        })
    }
}

impl<B> Spare<B> {
    /// As it was.
    pub(super) fn into_request(self) -> Request<B> {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        let headers = request.headers_mut();
        headers.reserve(self.fields.len());
        for (name, value) in self.fields {
            headers.append(name, value);
        }
        self.extensions.put_into(request.extensions_mut());
        request
    }
}

impl Kept {
    fn of(extensions: &Extensions) -> Self {
        let deadline = extensions.get().copied();
        let correlation_id = extensions.get().cloned();
        let priority = extensions.get().copied();
        let known = [deadline.is_some(), correlation_id.is_some(), priority.is_some()];
        if known.into_iter().filter(|known| *known).count() == extensions.len() {
            return Self::Known { deadline, correlation_id, priority };
        }
        Self::All(extensions.clone())
    }

    fn put_into(self, extensions: &mut Extensions) {
        match self {
            Self::All(all) => *extensions = all,
            Self::Known { deadline, correlation_id, priority } => {
                deadline.map(|deadline| extensions.insert(deadline));
                correlation_id.map(|id| extensions.insert(id));
                priority.map(|priority| extensions.insert(priority));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Unknown(u8);

    fn request() -> Request<String> {
        let mut request = Request::put("http://service.test/thing?q=1").body("content".to_owned()).unwrap();
        *request.version_mut() = Version::HTTP_2;
        for (name, value) in [("x-one", "1"), ("x-two", "2"), ("x-one", "3"), ("accept", "*/*")] {
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        request
    }

    /// With the extensions of the request, and then as it went out.
    fn again(change: impl FnOnce(&mut Extensions)) -> Request<String> {
        let mut request = request();
        change(request.extensions_mut());
        Spare::of(&request).unwrap().into_request()
    }

    #[test]
    fn a_spare_request_is_the_same_in_all_its_parts() {
        let (first, again) = (request(), again(|_| {}));
        assert_eq!(
            (again.method(), again.uri(), again.version()),
            (first.method(), first.uri(), first.version())
        );
        assert_eq!((again.headers(), again.body()), (first.headers(), first.body()));
        let values: Vec<_> = again.headers().get_all("x-one").iter().collect();
        assert_eq!(values, ["1", "3"]);
        assert!(again.extensions().is_empty());
    }

    #[test]
    fn known_extensions_come_back_alone_and_beside_unknown_ones() {
        let (deadline, id) = (Deadline::after(std::time::Duration::from_secs(1)), CorrelationId::generate());
        for with_unknown in [false, true] {
            let again = again(|extensions| {
                extensions.insert(deadline);
                extensions.insert(id.clone());
                extensions.insert(Priority::Low);
                if with_unknown {
                    extensions.insert(Unknown(7));
                }
            });
            let extensions = again.extensions();
            assert_eq!(
                (extensions.get(), extensions.get(), extensions.get()),
                (Some(&deadline), Some(&id), Some(&Priority::Low))
            );
            assert_eq!(extensions.get::<Unknown>().is_some(), with_unknown);
            assert_eq!(extensions.len(), if with_unknown { 4 } else { 3 });
        }
    }
}
