//! The contract of Tower services, over a probe: the instance that is ready is called, and a dropped future is over
//! inside too.

use std::convert::Infallible;
use std::future::{Ready, pending};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderName, Request, request};
use integridai_tower::Principal;
use integridai_tower::auth::{
    Attempt, AuthenticateLayer, AuthorizeLayer, Bearer, Decision, Fact, ForwardIdentityLayer, Reason,
};
use integridai_tower::metrics::CountRefusalsLayer;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::auth::{ask, bearer, subject, token, with};
use crate::endpoint::{Answer, answer};
use crate::support::probe::{Probe, Watch};

type Inner = Probe<fn(Request<()>) -> Ready<Result<Answer, Infallible>>, Infallible>;

fn inner() -> Inner {
    Probe::new(subject as fn(_) -> _)
}

/// All layers that never wait.
fn prompt() -> impl Layer<Inner, Service: Service<Request<()>, Error = Infallible> + Clone> {
    ServiceBuilder::new()
        .layer(CountRefusalsLayer::new())
        .layer(AuthenticateLayer::new(bearer()))
        .layer(AuthorizeLayer::new().all_scopes(["a"]).unwrap())
        .layer(ForwardIdentityLayer::new().header(HeaderName::from_static("x-user-id"), Fact::Subject))
}

/// Has every token verified after `time`.
fn after(time: Duration, decision: fn() -> Decision) -> Bearer<impl Fn(&str) -> Attempt> {
    Bearer::new(move |_: &str| {
        Attempt::waiting(async move {
            sleep(time).await;
            decision()
        })
    })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn slow() -> Decision {
    Ok(Some(Principal::builder("slow").build()))
}

fn counts(watch: &Watch) -> (usize, usize, usize) {
    (watch.calls(), watch.polls(), watch.clones())
}

#[tokio::test]
async fn the_instance_that_is_ready_is_called_and_never_cloned() {
    let probe = inner().pending(2);
    let watch = probe.watch();
    let mut service = prompt().layer(probe);
    for number in 1..=3 {
        service.ready().await.unwrap().call(token("alice")).await.unwrap();
        assert_eq!(counts(&watch), (number, 3 * number, 0));
    }
    assert_eq!((watch.finished(), watch.wakes()), (3, 6));
    service.ready().await.unwrap().call(with(&[])).await.unwrap();
    assert_eq!(watch.calls(), 3, "a refused request does not reach it");
}

#[tokio::test]
async fn a_clone_waits_for_readiness_of_its_own() {
    let probe = inner().held();
    let watch = probe.watch();
    let mut service = prompt().layer(probe);
    let mut clone = service.clone();
    assert!(service.ready().now_or_never().is_none() && clone.ready().now_or_never().is_none());
    watch.release();
    clone.ready().await.unwrap().call(token("alice")).await.unwrap();
    assert_eq!((watch.clones(), watch.calls()), (1, 1));
}

#[tokio::test]
async fn an_inner_service_that_cannot_become_ready_says_so() {
    let probe = Probe::new(async |_: Request<()>| Ok::<_, &str>(answer(200, ""))).refusing(|| "broken");
    let mut service = AuthenticateLayer::new(bearer()).layer(probe);
    assert_eq!(service.ready().await.err(), Some("broken"));
}

#[tokio::test]
async fn an_error_of_the_inner_service_passes() {
    let probe = Probe::new(async |_: Request<()>| Err::<Answer, _>("broken"));
    let service = AuthenticateLayer::new(bearer()).layer(AuthorizeLayer::new().layer(probe));
    assert_eq!(service.oneshot(token("alice")).await.err(), Some("broken"));
}

#[tokio::test]
async fn a_dropped_answer_is_dropped_inside() {
    let probe = Probe::new(async |_: Request<()>| pending::<Result<Answer, Infallible>>().await);
    let watch = probe.watch();
    let mut service = AuthenticateLayer::new(bearer()).layer(AuthorizeLayer::new().layer(probe));
    let mut answer = Box::pin(service.ready().await.unwrap().call(token("alice")));
    assert!((&mut answer).now_or_never().is_none());
    assert_eq!(watch.in_flight(), 1);
    drop(answer);
    assert_eq!((watch.in_flight(), watch.cancelled()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_takes_the_ready_instance_along() {
    let probe = inner().pending(1);
    let watch = probe.watch();
    let mut service = AuthenticateLayer::new(after(seconds(1), slow)).layer(probe);
    let first = service.ready().await.unwrap().call(token("x"));
    assert_eq!(counts(&watch), (0, 2, 1));
    let second = service.ready().await.unwrap().call(token("x"));
    assert_eq!(counts(&watch), (0, 4, 2), "the clone that was left was polled anew");
    let (first, second) = tokio::join!(first, second);
    assert!(first.unwrap().status().is_success() && second.unwrap().status().is_success());
    assert_eq!((watch.calls(), watch.finished()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_while_it_waits_leaves_nothing_behind() {
    let held = Arc::new(());
    let verifier = {
        let held = Arc::clone(&held);
        Bearer::new(move |_: &str| {
            let held = Arc::clone(&held);
            Attempt::waiting(async move {
                let _held = held;
                pending().await
            })
        })
    };
    let probe = inner();
    let watch = probe.watch();
    let mut service = AuthenticateLayer::new(verifier).layer(probe);
    let mut answer = Box::pin(service.ready().await.unwrap().call(token("x")));
    assert!((&mut answer).now_or_never().is_none());
    assert_eq!(Arc::strong_count(&held), 3);
    drop(answer);
    assert_eq!((Arc::strong_count(&held), watch.calls(), watch.in_flight()), (2, 0, 0));
    drop(service);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_is_bounded() {
    let start = Instant::now();
    let probe = inner();
    let watch = probe.watch();
    let layer = AuthenticateLayer::new(after(seconds(60), slow));
    let reply = ask(layer.clone().layer(probe.clone()), token("x")).await;
    assert_eq!((reply.status.as_u16(), reply.reason()), (503, Some(Reason::KeysUnavailable)));
    assert_eq!((start.elapsed().as_secs(), watch.calls()), (5, 0));
    let reply = ask(layer.clone().wait(seconds(2)).layer(probe.clone()), token("x")).await;
    assert_eq!((reply.status.as_u16(), start.elapsed().as_secs()), (503, 7));
    let reply = ask(layer.wait(seconds(61)).layer(probe), token("x")).await;
    assert_eq!((&*reply.body, start.elapsed().as_secs(), watch.calls()), ("slow", 67, 1));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_one_after_the_other_share_the_bound() {
    let none = || Ok(None);
    let start = Instant::now();
    let service = AuthenticateLayer::new(after(seconds(2), none)).or(after(seconds(2), slow));
    assert_eq!(ask(service.layer(inner()), token("x")).await.body, "slow");
    assert_eq!(start.elapsed().as_secs(), 4);
    let service = AuthenticateLayer::new(after(seconds(3), none)).or(after(seconds(3), slow));
    assert_eq!(ask(service.layer(inner()), token("x")).await.reason(), Some(Reason::KeysUnavailable));
    assert_eq!(start.elapsed().as_secs(), 9);
}

#[tokio::test(start_paused = true)]
async fn after_waiting_the_rules_are_the_same() {
    let refused = after(seconds(1), || Err(Reason::UnknownKey));
    let reply = ask(AuthenticateLayer::new(refused).layer(inner()), token("x")).await;
    assert_eq!((reply.status.as_u16(), reply.reason()), (401, Some(Reason::UnknownKey)));
    let then_prompt = AuthenticateLayer::new(after(seconds(1), || Ok(None))).or(bearer());
    assert_eq!(ask(then_prompt.layer(inner()), token("alice")).await.body, "alice");
    let nobody = AuthenticateLayer::new(after(seconds(1), || Ok(None)));
    let reply = ask(nobody.clone().layer(inner()), token("x")).await;
    assert_eq!(reply.reason(), Some(Reason::NoCredentials));
    let optional = nobody.optional_if(|_: &request::Parts| true);
    assert_eq!(ask(optional.layer(inner()), token("x")).await.body, "nobody");
}
