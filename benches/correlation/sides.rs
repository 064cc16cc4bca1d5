use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use integridai_tower::CorrelationId;
use integridai_tower::correlation::CorrelationLayer;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use uuid::Uuid;

/// A kind of request.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The fields, as a server has them: parts of the one buffer that it read.
    fields: &'static [(&'static str, &'static str)],
    /// Whether somebody else left something in the extensions, as servers do.
    is_extended: bool,
}

pub(crate) type Exchange = Request<()>;
pub(crate) type Serve = Box<dyn FnMut(Exchange)>;

/// Whoever deals with the id.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) service: fn(&Case) -> Serve,
}

const ID: (&str, &str) = ("x-correlation-id", "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e");
const BROWSER: [(&str, &str); 6] = [
    ("host", "gateway.example"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "es-AR,es;q=0.9,en;q=0.8"),
    ("authorization", "Bearer 0123456789abcdef"),
];
const WITH_ID: [(&str, &str); 7] =
    [BROWSER[0], BROWSER[1], BROWSER[2], ID, BROWSER[3], BROWSER[4], BROWSER[5]];

pub(crate) const CASES: &[Case] = &[
    Case { name: "given", fields: &WITH_ID, is_extended: true },
    Case { name: "given-bare", fields: &[ID], is_extended: false },
    Case { name: "generated", fields: &BROWSER, is_extended: true },
    Case { name: "generated-bare", fields: &[], is_extended: false },
];

pub(crate) const SIDES: [Side; 4] = [
    Side { name: "nothing", service: |_| serve(service_fn(respond)) },
    Side { name: "ours", service: |_| serve(CorrelationLayer::new().layer(service_fn(respond))) },
    Side { name: "pair", service: |_| pair() },
    Side {
        name: "traced",
        service: |_| serve(CorrelationLayer::new().trace_context().layer(service_fn(respond))),
    },
];

impl Case {
    pub(crate) fn request(&self) -> Exchange {
        let read = Bytes::from(self.fields.iter().map(|(_, value)| *value).collect::<String>());
        let mut request = Request::new(());
        let mut start = 0;
        for (name, value) in self.fields {
            let part = read.slice(start..start + value.len());
            start += value.len();
            let value = HeaderValue::from_maybe_shared(part).expect("visible ASCII");
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        if self.is_extended {
            request.extensions_mut().insert(7_u64);
        }
        request
    }
}

type Answer = Response<Full<Bytes>>;

fn serve<S>(mut service: S) -> Serve
where
    S: Service<Exchange, Response = Answer, Error = Infallible> + 'static,
{
    Box::new(move |request| {
        // Always ready: nothing here waits.
        let response = service.call(request).now_or_never().expect("it answers at once");
        drop(black_box(response));
    })
}

fn respond(request: Exchange) -> Ready<Result<Answer, Infallible>> {
    drop(black_box(request));
    let mut response = Response::new(Full::default());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ready(Ok(response))
}

#[derive(Clone, Copy)]
struct MakeUuid7;

impl MakeRequestId for MakeUuid7 {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&Uuid::now_v7().to_string()).ok().map(RequestId::new)
    }
}

fn pair() -> Serve {
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(CorrelationId::HEADER, MakeUuid7))
        .layer(PropagateRequestIdLayer::new(CorrelationId::HEADER));
    serve(layers.service_fn(respond))
}
