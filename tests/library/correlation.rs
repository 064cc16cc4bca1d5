//! The correlation layer over a probe: which id a request gets, and that every answer that passes has it.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, request};
use integridai_tower::CorrelationId;
use integridai_tower::correlation::{Correlation, CorrelationLayer};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::support::probe::Probe;

const ID: &str = "x-correlation-id";
const ALIAS: HeaderName = HeaderName::from_static("x-request-id");

fn request(fields: Fields<'_>) -> Request<String> {
    let mut request = Request::new(String::new());
    for (name, value) in fields {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request.headers_mut().append(HeaderName::from_static(name), value);
    }
    request
}

type Fields<'a> = &'a [(&'static str, &'a str)];

/// What the inner service saw: extension, what was current, the fields.
type Seen = (CorrelationId, Option<CorrelationId>, HeaderMap);

async fn show(request: Request<String>) -> Result<Response<Seen>, Infallible> {
    // Current after a wait too.
    tokio::task::yield_now().await;
    let id = request.extensions().get::<CorrelationId>().expect("every request has an id").clone();
    Ok(Response::new((id, CorrelationId::current(), request.headers().clone())))
}

/// The id that the layer gave and, of it, all that an inner service and a caller see.
async fn given(layer: CorrelationLayer, fields: Fields<'_>) -> (String, HeaderMap, HeaderMap) {
    let answer = layer.layer(Probe::new(show)).oneshot(request(fields)).await.unwrap();
    let (head, (id, current, seen)) = answer.into_parts();
    assert_eq!(current.as_ref(), Some(&id));
    assert_eq!(CorrelationId::current(), None, "nothing is left behind");
    (id.to_string(), seen, head.headers)
}

fn all<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

fn is_made(id: &str) -> bool {
    uuid::Uuid::try_parse(id).is_ok_and(|id| id.get_version_num() == 7)
}

#[tokio::test]
async fn a_valid_id_is_taken_over_and_echoed() {
    let longest = "~".repeat(128);
    for id in ["order-4711", "!", longest.as_str()] {
        let (given, seen, echo) = given(CorrelationLayer::new(), &[(ID, id)]).await;
        assert_eq!((given.as_str(), all(&seen, ID), all(&echo, ID)), (id, vec![id], vec![id]));
    }
}

#[tokio::test]
async fn an_absent_or_invalid_id_is_replaced_wherever_it_can_be_read() {
    let long = "x".repeat(129);
    let invalid: [Fields<'_>; 8] = [
        &[],
        &[(ID, "")],
        &[(ID, "two words")],
        &[(ID, "tab\there")],
        &[(ID, "ñandú")],
        &[(ID, long.as_str())],
        &[(ID, "a"), (ID, "b")],
        &[(ID, "same"), (ID, "same")],
    ];
    for fields in invalid {
        let (id, seen, echo) = given(CorrelationLayer::new(), fields).await;
        assert!(is_made(&id), "{fields:?} became {id}");
        assert_eq!((all(&seen, ID), all(&echo, ID)), (vec![id.as_str()], vec![id.as_str()]), "{fields:?}");
    }
}

#[tokio::test]
async fn a_repeated_field_of_another_name_does_not_matter() {
    let fields = [("accept", "a"), ("accept", "b"), (ID, "mine")];
    assert_eq!(given(CorrelationLayer::new(), &fields).await.0, "mine");
}

#[tokio::test]
async fn aliases_are_read_in_order_and_all_names_then_say_the_same() {
    let layer = CorrelationLayer::new().alias(ALIAS).alias(HeaderName::from_static("x-trace"));
    let cases: [(Fields<'_>, &str); 5] = [
        (&[("x-request-id", "r")], "r"),
        (&[("x-request-id", "r"), (ID, "c")], "c"),
        (&[("x-request-id", "r"), (ID, "not valid")], "r"),
        (&[("x-trace", "t"), ("x-request-id", "r"), ("x-request-id", "s")], "t"),
        (&[("x-trace", "t")], "t"),
    ];
    for (fields, wanted) in cases {
        let (id, seen, echo) = given(layer.clone(), fields).await;
        assert_eq!((id.as_str(), all(&seen, ID), all(&echo, ID)), (wanted, vec![wanted], vec![wanted]));
        for (name, _) in fields {
            assert_eq!(all(&seen, name), [wanted], "{name} of {fields:?}");
        }
        assert!(!echo.contains_key(&ALIAS));
    }
}

#[tokio::test]
async fn the_echo_has_the_names_it_is_told() {
    let layer = CorrelationLayer::new().header(ALIAS);
    let (id, _, echo) = given(layer.clone(), &[(ID, "unread")]).await;
    assert!(is_made(&id) && all(&echo, "x-request-id") == [id.as_str()] && !echo.contains_key(ID));
    let both = layer.echo([CorrelationId::HEADER, ALIAS]);
    let (_, _, echo) = given(both.clone(), &[("x-request-id", "r")]).await;
    assert_eq!((all(&echo, ID), all(&echo, "x-request-id")), (vec!["r"], vec!["r"]));
    assert!(given(both.echo([]), &[]).await.2.is_empty());
}

#[tokio::test]
async fn the_longest_id_can_be_set_and_only_downward() {
    let layer = CorrelationLayer::new().max_len(100).unwrap();
    let (fits, long) = ("x".repeat(100), "x".repeat(101));
    assert_eq!(given(layer.clone(), &[(ID, &fits)]).await.0, fits);
    assert!(is_made(&given(layer, &[(ID, &long)]).await.0));
    for wrong in [0, 129] {
        assert_eq!(CorrelationLayer::new().max_len(wrong).unwrap_err().setting(), "max_len");
    }
}

#[tokio::test]
async fn what_an_untrusted_peer_says_is_replaced() {
    let layer = CorrelationLayer::new()
        .trust(|request: &request::Parts| request.headers.contains_key("x-internal"))
        .trace_context()
        .baggage();
    let said = [
        (ID, "mine"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "a=1"),
        ("baggage", "k=v"),
    ];
    let (id, seen, _) = given(layer.clone(), &said).await;
    assert!(is_made(&id));
    assert!(
        ["traceparent", "tracestate", "baggage"].iter().all(|name| !seen.contains_key(*name)),
        "{seen:?}"
    );
    let (id, seen, _) = given(layer, &[&said[..], &[("x-internal", "1")]].concat()).await;
    assert_eq!(
        (id.as_str(), all(&seen, "tracestate"), all(&seen, "baggage")),
        ("mine", vec!["a=1"], vec!["k=v"])
    );
}

#[tokio::test]
async fn ids_can_be_made_from_the_request() {
    let from_path = |request: &request::Parts| format!("id-of{}", request.uri.path()).parse().unwrap();
    let layer = CorrelationLayer::new().id_by(from_path);
    assert_eq!(given(layer.clone(), &[]).await.0, "id-of/");
    let (id, seen, _) = given(layer, &[("accept", "a"), (ID, "not valid")]).await;
    assert_eq!((id.as_str(), all(&seen, "accept")), ("id-of/", vec!["a"]), "the request is whole again");
}

#[tokio::test(start_paused = true)]
async fn every_answer_that_passes_is_echoed_whoever_made_it() {
    let refusal = Response::builder().status(StatusCode::FORBIDDEN).header(ID, "the inner's own");
    let refusal = Arc::new(Mutex::new(refusal.body(String::new()).ok()));
    let early = ServiceBuilder::new().layer(CorrelationLayer::new()).service_fn(move |_: Request<String>| {
        ready(Ok::<_, Infallible>(refusal.lock().unwrap().take().expect("it is asked once")))
    });
    let answer = early.oneshot(request(&[(ID, "a")])).await.unwrap();
    assert_eq!((answer.status(), all(answer.headers(), ID)), (StatusCode::FORBIDDEN, vec!["a"]));

    let slow = async |_: Request<String>| pending::<Result<Response<String>, Infallible>>().await;
    let layers = ServiceBuilder::new()
        .layer(CorrelationLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(5)));
    let answer = layers.service(Probe::new(slow)).oneshot(request(&[(ID, "b")])).await.unwrap();
    assert_eq!((answer.status(), all(answer.headers(), ID)), (StatusCode::GATEWAY_TIMEOUT, vec!["b"]));
    assert_eq!(CorrelationId::current(), None);
}

#[tokio::test]
async fn a_panic_that_is_caught_inside_is_echoed_and_one_outside_leaves_nothing_behind() {
    let broken = async |_: Request<String>| -> Result<Response<String>, Infallible> { panic!("on purpose") };
    let layers = ServiceBuilder::new().layer(CorrelationLayer::new()).layer(CatchPanicLayer::new());
    let answer = layers.service_fn(broken).oneshot(request(&[(ID, "c")])).await.unwrap();
    assert_eq!((answer.status(), all(answer.headers(), ID)), (StatusCode::INTERNAL_SERVER_ERROR, vec!["c"]));

    let layers = ServiceBuilder::new().layer(CatchPanicLayer::new()).layer(CorrelationLayer::new());
    let answer = layers.service_fn(broken).oneshot(request(&[(ID, "c")])).await.unwrap();
    assert!(answer.status().is_server_error() && all(answer.headers(), ID).is_empty());
    assert_eq!(CorrelationId::current(), None);
}

#[tokio::test]
async fn an_error_of_the_inner_service_passes_as_it_is() {
    let probe = Probe::new(async |_: Request<String>| Err::<Response<String>, _>("broken"));
    assert_eq!(CorrelationLayer::new().layer(probe).oneshot(request(&[])).await.unwrap_err(), "broken");
}

#[tokio::test]
async fn the_instance_that_is_ready_is_called_and_never_cloned() {
    let probe = Probe::new(show).pending(2);
    let watch = probe.watch();
    let mut service = CorrelationLayer::new().layer(probe);
    for number in 1..=3 {
        service.ready().await.unwrap().call(request(&[])).await.unwrap();
        assert_eq!((watch.calls(), watch.polls(), watch.clones()), (number, 3 * number, 0));
    }
    let refusing = Probe::new(async |_: Request<String>| Ok::<Response<String>, _>(Response::default()));
    let mut service = CorrelationLayer::new().layer(refusing.refusing(|| "not ready"));
    assert_eq!(service.ready().await.err().unwrap(), "not ready");
}

/// Tells, when it is dropped, which request it was part of.
struct Farewell(Arc<Mutex<Vec<Option<String>>>>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(CorrelationId::current().map(|id| id.to_string()));
    }
}

#[tokio::test]
async fn a_dropped_future_is_dropped_inside_and_still_knows_its_request() {
    let farewells = Arc::<Mutex<Vec<_>>>::default();
    let told = Arc::clone(&farewells);
    let probe = Probe::new(move |_: Request<String>| {
        let farewell = Farewell(Arc::clone(&told));
        async move {
            let _farewell = farewell;
            pending::<Result<Response<String>, Infallible>>().await
        }
    });
    let watch = probe.watch();
    let mut service = CorrelationLayer::new().layer(probe);
    drop(service.ready().await.unwrap().call(request(&[(ID, "unpolled")])));
    let mut answer = Box::pin(service.ready().await.unwrap().call(request(&[(ID, "polled")])));
    assert!((&mut answer).now_or_never().is_none());
    assert_eq!((watch.in_flight(), CorrelationId::current()), (1, None));
    drop(answer);
    assert_eq!((watch.in_flight(), watch.cancelled()), (0, 2));
    assert_eq!(*farewells.lock().unwrap(), [Some("unpolled".to_owned()), Some("polled".to_owned())]);
}

#[tokio::test]
async fn requests_that_take_turns_on_one_thread_never_see_each_other() {
    let service = CorrelationLayer::new().layer(Probe::new(async |_: Request<String>| {
        let mut seen = Vec::new();
        for _ in 0..20 {
            seen.push(CorrelationId::current().unwrap().to_string());
            tokio::task::yield_now().await;
        }
        Ok::<_, Infallible>(Response::new(seen))
    }));
    let ids = ["a", "b", "c"];
    let answers = ids.map(|id| service.clone().oneshot(request(&[(ID, id)])));
    for (answer, id) in futures_util::future::join_all(answers).await.into_iter().zip(ids) {
        assert_eq!(answer.unwrap().into_body(), vec![id; 20]);
    }
}

#[tokio::test]
async fn scopes_nest_and_go_over_to_tasks_only_when_told() {
    let (outer, inner) = ("outer".parse().unwrap(), "inner".parse().unwrap());
    let current = || CorrelationId::current().map(|id| id.to_string());
    let nested = Correlation::new(outer).scope(async {
        assert_eq!(current().as_deref(), Some("outer"));
        assert_eq!(tokio::spawn(async move { current() }).await.unwrap(), None);
        let handed_over = Correlation::current().unwrap().scope(async move { current() });
        assert_eq!(tokio::spawn(handed_over).await.unwrap().as_deref(), Some("outer"));
        Correlation::new(inner).scope(async { assert_eq!(current().as_deref(), Some("inner")) }).await;
        current()
    });
    assert_eq!(nested.await.as_deref(), Some("outer"));
    assert_eq!(current(), None);
}
