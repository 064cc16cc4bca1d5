//! The contract of Tower services, over a probe.

use std::future::Ready;

use futures_util::FutureExt;
use http::request;
use integridai_tower::fan_out::{FanOut, FanOutLayer, FanOutOptions, JsonMerge, Part, Route};
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::support::probe::Probe;

type Inner = Probe<fn(Whole) -> Ready<Result<Response<Full<Bytes>>, Infallible>>, Infallible>;

fn probe() -> Inner {
    Probe::new(|_: Whole| ready(Ok(response(200, "1"))))
}

fn options() -> FanOutOptions {
    FanOutOptions::new(JsonMerge::members())
}

/// The service when it is ready for a request of the type that is used here.
async fn once_ready<S: Service<Whole>>(service: &mut S) -> Result<&mut S, S::Error> {
    service.ready().await
}

fn thrice(_: &request::Parts, _: &Bytes) -> Vec<Part> {
    let part = |name: &'static str| Part::required(name, Request::new(Bytes::new()));
    vec![part("a"), part("b"), part("c")]
}

#[tokio::test]
async fn every_branch_calls_an_instance_that_it_made_ready() {
    let (first, second) = (probe().pending(2), probe());
    let watches = [first.watch(), second.watch()];
    let mut fan_out =
        FanOut::new((Route::required("a", first), Route::required("b", second)), options()).unwrap();
    for number in 1..=3 {
        let answer = once_ready(&mut fan_out).await.unwrap().call(asking("/")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(watches.iter().all(|watch| (watch.calls(), watch.finished()) == (number, number)));
    }
    assert_eq!(watches[0].polls(), 9, "two polls that are pending and one that is ready, by each");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_keeps_only_its_own_branch_waiting() {
    let (busy, well) = (probe().held(), probe());
    let watch = busy.watch();
    let routes = (Route::optional("busy", busy).timeout(ms(30)), Route::required("well", well));
    let answer = FanOut::new(routes, options()).unwrap().oneshot(asking("/")).await.unwrap();
    assert_eq!(words(answer.extensions().get().unwrap()), ["timed_out", "ok"]);
    assert_eq!(watch.calls(), 0);
}

#[tokio::test]
async fn a_service_that_cannot_become_ready_has_failed() {
    let refusing = Probe::new(|_: Whole| ready(Ok::<_, &str>(response(200, "1")))).refusing(|| "closed");
    let answer = FanOut::new((Route::required("a", refusing),), options())
        .unwrap()
        .oneshot(asking("/"))
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_layer_calls_the_ready_instance_for_the_first_part_and_makes_others_ready() {
    let probe = probe().pending(1);
    let watch = probe.watch();
    let mut service = FanOutLayer::new(thrice, options()).layer(probe);
    let answer = once_ready(&mut service).await.unwrap().call(asking("/")).await.unwrap();
    assert_eq!((answer.status(), watch.calls(), watch.finished()), (StatusCode::OK, 3, 3));
    assert_eq!(watch.polls(), 2 + 2 * 2, "the first part had its readiness already");
}

#[tokio::test]
async fn a_layer_is_as_ready_as_its_service() {
    let probe = probe().held();
    let watch = probe.watch();
    let mut service = FanOutLayer::new(thrice, options()).layer(probe);
    assert!(once_ready(&mut service).now_or_never().is_none());
    watch.release();
    once_ready(&mut service).await.unwrap().call(asking("/")).await.unwrap();
    let refusing = Probe::new(|_: Whole| ready(Ok::<_, &str>(response(200, "1")))).refusing(|| "closed");
    let mut service = FanOutLayer::new(thrice, options()).layer(refusing);
    assert_eq!(once_ready(&mut service).await.err(), Some("closed"));
}

#[tokio::test]
async fn a_dropped_answer_is_dropped_in_every_branch() {
    let hanging = || Probe::new(|_: Whole| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let (first, second) = (hanging(), hanging());
    let watches = [first.watch(), second.watch()];
    let routes = (Route::required("a", first), Route::optional("b", second));
    let mut answer = Box::pin(FanOut::new(routes, options()).unwrap().oneshot(asking("/")));
    assert!((&mut answer).now_or_never().is_none());
    assert!(watches.iter().all(|watch| watch.in_flight() == 1));
    drop(answer);
    assert!(watches.iter().all(|watch| (watch.in_flight(), watch.cancelled()) == (0, 1)));
}

#[tokio::test]
async fn losers_are_dropped_with_the_verdict() {
    let loser = Probe::new(|_: Whole| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let watch = loser.watch();
    let routes = (Route::optional("loser", loser), Route::optional("winner", probe()));
    let options = options().policy(Policy::FirstSuccess);
    let answer = FanOut::new(routes, options).unwrap().oneshot(asking("/")).await.unwrap();
    assert_eq!((answer.status(), watch.in_flight(), watch.cancelled()), (StatusCode::OK, 0, 1));
}
