//! The contract of Tower services, over a probe.

use std::future::{Ready, pending, ready};

use super::*;
use crate::support::probe::Probe;

type Inner = Probe<fn(Ask) -> Ready<Result<Answer, Infallible>>, Infallible>;

fn probe() -> Inner {
    Probe::new(|_| ready(Ok(answer(&[("cache-control", "max-age=60")], "inner"))))
}

#[tokio::test]
async fn the_instance_that_is_ready_is_called_and_a_hit_calls_none() {
    let probe = probe().pending(2);
    let watch = probe.watch();
    let mut service = layer().layer(probe);
    for (calls, outcome) in [(1, CacheOutcome::Stored), (1, CacheOutcome::Hit), (1, CacheOutcome::Hit)] {
        let reply = read(service.ready().await.unwrap().call(get("/a")).await.unwrap()).await;
        assert_eq!((reply.outcome, watch.calls(), &reply.body[..]), (Some(outcome), calls, &b"inner"[..]));
    }
    assert_eq!(watch.clones(), 1, "the request that went on took its instance along");
}

#[tokio::test]
async fn a_clone_waits_for_readiness_of_its_own() {
    let probe = probe().held();
    let watch = probe.watch();
    let mut service = layer().layer(probe);
    let mut clone = service.clone();
    assert!(service.ready().now_or_never().is_none() && clone.ready().now_or_never().is_none());
    watch.release();
    clone.ready().await.unwrap().call(get("/a")).await.unwrap();
    assert_eq!(watch.calls(), 1);
}

#[tokio::test]
async fn an_inner_service_that_cannot_become_ready_says_so() {
    let probe = Probe::new(async |_: Ask| Ok::<_, &str>(answer(&[], ""))).refusing(|| "broken");
    assert_eq!(layer().layer(probe).ready().await.err(), Some("broken"));
}

#[tokio::test]
async fn an_error_of_the_inner_service_is_kept() {
    let service = layer().layer(Probe::new(async |_: Ask| Err::<Answer, _>("broken")));
    assert_eq!(service.oneshot(get("/a")).await.err(), Some("broken"));
}

#[tokio::test]
async fn a_dropped_answer_is_dropped_inside() {
    for method in ["GET", "POST"] {
        let probe = Probe::new(async |_: Ask| pending::<Result<Answer, Infallible>>().await);
        let watch = probe.watch();
        let mut service = layer().layer(probe);
        let request = Request::builder().method(method).uri("/a").body(Empty::new()).unwrap();
        let mut answer = Box::pin(service.ready().await.unwrap().call(request));
        assert!((&mut answer).now_or_never().is_none());
        drop(answer);
        assert_eq!((watch.in_flight(), watch.cancelled()), (0, 1), "{method}");
    }
}

#[tokio::test]
async fn what_is_not_stored_comes_as_the_inner_service_made_it() {
    let service = layer().layer(Probe::new(async |_: Ask| {
        let mut response = answer(&[("x-a", "1")], "inner");
        *response.version_mut() = http::Version::HTTP_2;
        response.extensions_mut().insert(7_u8);
        Ok::<_, Infallible>(response)
    }));
    let response = service.oneshot(get("/a")).await.unwrap();
    assert_eq!((response.version(), response.extensions().get::<u8>()), (http::Version::HTTP_2, Some(&7)));
    assert_eq!(read(response).await.outcome, Some(CacheOutcome::Passed));
}

#[test]
fn names_that_are_no_token_are_refused() {
    assert_eq!(layer().name("a b").unwrap_err().setting(), "name");
    assert!(MemoryStore::new(1).is_err());
}
