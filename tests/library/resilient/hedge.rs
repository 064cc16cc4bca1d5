//! A second attempt of what is slow, and which of the two wins.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use integridai_tower::client::hedge::{HedgeLayer, HedgeOptions, Hedged};
use integridai_tower::client::{AttemptBudget, Once};
use tower::{Layer, ServiceExt};

use super::*;
use crate::support::probe::Probe;

/// After 100 ms, whatever calls have taken, with all the budget there can be.
fn options() -> HedgeOptions {
    let budget = AttemptBudget::new(1.0, 1000, SECOND * 10).unwrap();
    HedgeOptions::new().learn_from(u64::MAX).until_known(milliseconds(100)).budget(budget)
}

/// How a call ends whose attempts go as the scripts say, when that is, and how many attempts there were.
async fn race(scripts: &[Script]) -> (Result<String, String>, u128, usize) {
    let (log, start) = (Log::default(), Instant::now());
    let service = options().build().unwrap().layer(scripted(&log, scripts));
    let end = match service.oneshot(asking(Method::GET)).await {
        Ok(response) => Ok(format!("{} to {}", response.status().as_u16(), text(response).await)),
        Err(error) => Err(format!("{error:?}")),
    };
    (end, start.elapsed().as_millis(), log.count())
}

#[tokio::test(start_paused = true)]
async fn the_first_success_wins_and_no_failure_does_while_the_other_may_succeed() {
    use Script::{After, Error, FailAfter, Hang, Patience, Status};
    let after = |time, status| After(milliseconds(time), status);
    let fail = |time| FailAfter(milliseconds(time));
    let patience = Patience(429, "3".to_owned());
    for (scripts, end, at, attempts) in [
        (vec![Status(200)], "200 to answer 1", 0, 1),
        (vec![after(90, 200)], "200 to answer 1", 90, 1),
        (vec![Hang, Status(200)], "200 to answer 2", 100, 2),
        (vec![after(500, 200), after(200, 200)], "200 to answer 2", 300, 2),
        (vec![after(150, 200), after(200, 200)], "200 to answer 1", 150, 2),
        (vec![Hang, Status(404)], "404 to answer 2", 100, 2),
        // The second fails first.
        (vec![after(400, 200), Error(Kind::Exchange)], "200 to answer 1", 400, 2),
        (vec![after(400, 200), Status(503)], "200 to answer 1", 400, 2),
        (vec![after(400, 200), patience], "200 to answer 1", 400, 2),
        // The first fails first.
        (vec![fail(150), after(200, 200)], "200 to answer 2", 300, 2),
        (vec![after(150, 500), after(200, 200)], "200 to answer 2", 300, 2),
        // Both fail.
        (vec![after(150, 500), after(200, 503)], "500 to answer 1", 300, 2),
        (vec![after(400, 500), after(200, 503)], "500 to answer 1", 400, 2),
        (vec![fail(150), after(200, 503)], "503 to answer 2", 300, 2),
        (vec![after(150, 502), fail(200)], "502 to answer 1", 300, 2),
        // The first fails before there is a second.
        (vec![Status(503), Status(200)], "503 to answer 1", 0, 1),
    ] {
        let (result, time, count) = race(&scripts).await;
        assert_eq!((result.as_deref(), count), (Ok(end), attempts), "{scripts:?}");
        assert!((at..at + 5).contains(&time), "{scripts:?} at {time} ms");
    }
    for scripts in
        [vec![Error(Kind::Connect)], vec![fail(150), Error(Kind::Connect)], vec![fail(150), fail(10)]]
    {
        let (result, ..) = race(&scripts).await;
        assert!(result.unwrap_err().starts_with("Transport("), "{scripts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_loser_is_dropped_at_once_and_the_winner_says_that_it_won() {
    let calls = Arc::new(AtomicUsize::new(0));
    for hanging in [0, 1] {
        calls.store(0, Ordering::SeqCst);
        let count = Arc::clone(&calls);
        let probe = Probe::new(move |_: Sent| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            async move {
                let time = if number == hanging { SECOND * 1000 } else { milliseconds(150) };
                tokio::time::sleep(time).await;
                Ok::<_, Failure>(answer(200, ""))
            }
        });
        let watch = probe.watch();
        let layer = options().build().unwrap();
        let mut call = Box::pin(layer.layer(probe).oneshot(asking(Method::GET)));
        let response = (&mut call).await.unwrap();
        // The call itself is still there.
        assert_eq!((watch.calls(), watch.cancelled(), watch.in_flight()), (2, 1, 0));
        let has_won = hanging == 0;
        assert_eq!(response.extensions().get::<Hedged>().unwrap().won, has_won);
        let counts = layer.counts();
        assert_eq!((counts.calls, counts.hedged, counts.won), (1, 1, u64::from(has_won)));
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_safe_and_can_be_replayed_has_a_second_attempt() {
    let count = async |method: Method, layer: HedgeLayer| {
        let log = Log::default();
        let service = layer.layer(scripted(&log, &[Script::After(SECOND, 200)]));
        let response = service.oneshot(asking(method)).await.unwrap();
        assert_eq!(response.extensions().get::<Hedged>().is_some(), log.count() == 2);
        log.count()
    };
    let layer = options().build().unwrap();
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        assert_eq!(count(method, layer.clone()).await, 2);
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        assert_eq!(count(method, layer.clone()).await, 1);
    }
    let told = options().hedgeable(|request| request.method == Method::POST).build().unwrap();
    assert_eq!((count(Method::POST, told.clone()).await, count(Method::GET, told).await), (2, 1));

    let log = Log::default();
    let service = scripted(&log, &[Script::After(SECOND, 200)]);
    let service = tower::service_fn(move |request: Request<Once<Full<Bytes>>>| {
        service.clone().oneshot(request.map(|_| Full::from("a stream")))
    });
    layer.layer(service).oneshot(asking(Method::GET).map(Once::new)).await.unwrap();
    assert_eq!(log.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn both_attempts_are_the_same_request() {
    let log = Log::default();
    let service = options().build().unwrap().layer(scripted(&log, &[Script::Hang, Script::Status(200)]));
    let mut request = asking(Method::GET);
    request.headers_mut().insert("x-mine", "kept".parse().unwrap());
    request.extensions_mut().insert("extension");
    service.oneshot(request).await.unwrap();
    assert_eq!(log.fields("x-mine"), ["kept", "kept"]);
    for (_, request) in log.drain() {
        assert_eq!(request.extensions().get(), Some(&"extension"));
        assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), "question");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_slow_for_all_gets_a_twentieth_more() {
    let log = Log::default();
    let layer = HedgeOptions::new().learn_from(u64::MAX).until_known(milliseconds(100)).build().unwrap();
    let service = layer.layer(scripted(&log, &[Script::After(SECOND, 200)]));
    let calls = (0..400).map(|_| service.clone().oneshot(asking(Method::GET)));
    futures_util::future::try_join_all(calls).await.unwrap();
    let counts = layer.counts();
    assert_eq!((counts.calls, counts.hedged, counts.over_budget, log.count()), (400, 20, 380, 420));
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_learned_and_forgotten() {
    let layer = HedgeOptions::new().build().unwrap();
    assert_eq!(layer.delay(), milliseconds(100));
    let service = layer.layer(scripted(&Log::default(), &[Script::After(milliseconds(10), 200)]));
    for number in 1..=200 {
        service.clone().oneshot(asking(Method::GET)).await.unwrap();
        let (least, most) = if number < 20 { (100, 100) } else { (10, 12) };
        let delay = layer.delay();
        assert!(delay >= milliseconds(least) && delay <= milliseconds(most), "{delay:?} after {number}");
    }
    let failing = layer.layer(scripted(&Log::default(), &[Script::Status(500)]));
    for _ in 0..500 {
        failing.clone().oneshot(asking(Method::GET)).await.unwrap();
    }
    assert!(layer.delay() >= milliseconds(10), "a failure is no answer");
    tokio::time::advance(SECOND * 61).await;
    assert_eq!(layer.delay(), milliseconds(100));
}

#[tokio::test(start_paused = true)]
async fn the_delay_does_not_shrink_for_the_slow_ones_being_dropped() {
    let number = Arc::new(AtomicUsize::new(0));
    // One attempt in ten takes a second; nine take from 10 to 18 ms.
    let service = tower::service_fn(move |_: Sent| {
        let number = number.fetch_add(1, Ordering::SeqCst) % 10;
        async move {
            let time = if number == 9 { SECOND } else { milliseconds(10 + number as u64) };
            tokio::time::sleep(time).await;
            Ok::<_, Failure>(answer(200, ""))
        }
    });
    let budget = AttemptBudget::new(1.0, 1000, SECOND * 10).unwrap();
    let layer = HedgeOptions::new().quantile(0.8).budget(budget).build().unwrap();
    let service = layer.layer(service);
    for _ in 0..1000 {
        service.clone().oneshot(asking(Method::GET)).await.unwrap();
    }
    let delay = layer.delay();
    assert!(delay >= milliseconds(16) && delay <= milliseconds(21), "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_drops_both_attempts() {
    let probe = Probe::new(async |_: Sent| pending::<Result<Answer, Failure>>().await);
    let watch = probe.watch();
    let mut call = Box::pin(options().build().unwrap().layer(probe).oneshot(asking(Method::GET)));
    assert!(tokio::time::timeout(milliseconds(200), &mut call).await.is_err());
    assert_eq!((watch.calls(), watch.in_flight()), (2, 2));
    drop(call);
    assert_eq!((watch.cancelled(), watch.in_flight()), (2, 0));
}

/// Ready as long as no attempt of it is under way.
#[derive(Clone)]
struct OneAtATime(Arc<AtomicUsize>, Result<(), Kind>);

impl Service<Sent> for OneAtATime {
    type Response = Answer;
    type Error = Failure;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Failure>> {
        match (self.0.load(Ordering::SeqCst), self.1) {
            (0, _) => std::task::Poll::Ready(Ok(())),
            (_, Ok(())) => std::task::Poll::Pending,
            (_, Err(kind)) => std::task::Poll::Ready(Err(kind.into())),
        }
    }

    fn call(&mut self, _: Sent) -> Self::Future {
        assert_eq!(self.0.fetch_add(1, Ordering::SeqCst), 0);
        Box::pin(tokio::time::sleep(SECOND).map(|()| Ok(answer(200, "the only one"))))
    }
}

#[tokio::test(start_paused = true)]
async fn where_none_is_ready_for_the_second_attempt_the_first_goes_on_alone() {
    for readiness in [Ok(()), Err(Kind::Unknown)] {
        let service = OneAtATime(Arc::default(), readiness);
        let response = options().build().unwrap().layer(service).oneshot(asking(Method::GET)).await.unwrap();
        assert!(response.extensions().get::<Hedged>().is_none());
        assert_eq!(text(response).await, "the only one");
    }
}
