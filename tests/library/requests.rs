//! What a call sends.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use integridai_tower::CorrelationId;
use integridai_tower::client::{ErrorKind, Fault, IDEMPOTENCY_KEY, Retry, ServiceClient};
use tower::service_fn;

use crate::endpoint::{Answer, Ask, answer, get, post};
use crate::support::probe::Probe;

type Sent = Request<Full<Bytes>>;

/// Answers with nothing and keeps the request.
#[derive(Clone, Default)]
struct Catcher(Arc<Mutex<Option<Sent>>>);

impl Catcher {
    fn client(
        &self,
        base_url: &str,
    ) -> ServiceClient<impl tower::Service<Sent, Response = Answer, Error = Infallible> + Clone + use<>> {
        let caught = Arc::clone(&self.0);
        let service = service_fn(move |request: Sent| {
            *caught.lock().unwrap() = Some(request);
            async { Ok(answer(200, "")) }
        });
        ServiceClient::new("service", base_url, service).expect("the URL is right")
    }

    fn caught(&self) -> Sent {
        self.0.lock().unwrap().take().expect("a request was sent")
    }
}

fn secret() -> HeaderValue {
    let mut value = HeaderValue::from_static("Bearer s3cret");
    value.set_sensitive(true);
    value
}

#[tokio::test]
async fn a_call_without_a_body_asks_for_json_and_claims_to_send_none() {
    let catcher = Catcher::default();
    catcher.client("http://host:81/base/").call(get()).send().await.unwrap();
    let request = catcher.caught();
    assert_eq!(
        (request.method(), request.uri().to_string()),
        (&Method::GET, "http://host:81/base/thing".into())
    );
    let headers: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(headers, [("accept", HeaderValue::from_static("application/json"))]);
    assert!(request.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn a_call_sends_its_body_its_ids_and_the_headers_of_its_client() {
    let catcher = Catcher::default();
    let name = HeaderName::from_static("x-tenant");
    let client = catcher
        .client("http://host")
        .header(AUTHORIZATION, secret())
        .header(name.clone(), HeaderValue::from_static("first"))
        .header(name.clone(), HeaderValue::from_static("second"));
    let id: CorrelationId = "order-4711".parse().unwrap();
    client.call(post()).correlation_id(&id).idempotency_key("key-1").send().await.unwrap();
    let request = catcher.caught();
    let headers = request.headers();
    assert_eq!(
        (&headers[CONTENT_TYPE], &headers[ACCEPT]),
        (&"application/json".parse().unwrap(), &"application/json".parse().unwrap())
    );
    assert_eq!(
        (&headers[CorrelationId::HEADER], &headers[IDEMPOTENCY_KEY]),
        (&"order-4711".parse().unwrap(), &"key-1".parse().unwrap())
    );
    assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), ["second"], "the later one replaces");
    assert!(headers[AUTHORIZATION].is_sensitive());
    assert_eq!(headers.len(), 6);
    assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), "{}");
}

#[tokio::test]
async fn a_clone_keeps_the_settings_it_was_made_with() {
    let catcher = Catcher::default();
    let plain = catcher.client("http://host");
    let known = plain.clone().header(AUTHORIZATION, secret()).max_response_bytes(0);
    plain.call(get()).send().await.unwrap();
    assert!(!catcher.caught().headers().contains_key(AUTHORIZATION));
    known.call(get()).send().await.unwrap();
    assert!(catcher.caught().headers().contains_key(AUTHORIZATION));
}

#[tokio::test]
async fn a_debug_print_shows_no_secret() {
    let client = Catcher::default().client("http://host").header(AUTHORIZATION, secret());
    let call = client.call(post()).idempotency_key("key-1");
    let printed = format!("{client:?} {call:?}");
    assert!(!printed.contains("s3cret") && printed.contains("Sensitive"), "{printed}");
    assert_eq!(client.name(), "service");
}

#[tokio::test]
async fn a_request_that_cannot_be_made_is_the_callers_fault_and_is_not_sent() {
    let probe = Probe::new(async |_: Sent| Ok::<_, Infallible>(answer(200, "")));
    let watch = probe.watch();
    let client = ServiceClient::new("service", "http://host", probe).unwrap();
    let spaced = Ask { path: "/two words", ..get() };
    let unwritable = Ask { body: Some("unwritable"), ..post() };
    let errors = [
        client.call(spaced).send().await.unwrap_err(),
        client.call(unwritable).send().await.unwrap_err(),
        client.call(post()).idempotency_key("two\nlines").send().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.fault()), (&ErrorKind::InvalidRequest, Fault::Caller), "{error}");
        assert_eq!(error.retry(), Retry::No, "{error}");
        assert_eq!(error.to_string(), "service ask: the request could not be made");
        assert!(std::error::Error::source(&error).is_some());
    }
    assert_eq!((watch.polls(), watch.calls()), (0, 0));
}

#[tokio::test]
async fn no_path_leads_to_another_host() {
    let catcher = Catcher::default();
    let client = catcher.client("http://host/base");
    for (path, expected) in [
        ("//evil.test/x", "http://host/base//evil.test/x"),
        ("@evil.test", "http://host/base/@evil.test"),
        ("thing?a=1&b=2", "http://host/base/thing?a=1&b=2"),
        ("", "http://host/base/"),
        (":81/x", "http://host/base/:81/x"),
    ] {
        client.call(Ask { path, ..get() }).send().await.unwrap();
        assert_eq!(catcher.caught().uri().to_string(), expected, "{path:?}");
    }
}
