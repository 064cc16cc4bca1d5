//! What is repeated, when, and how often.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use futures_util::FutureExt;
use http::{HeaderName, Response};
use integridai_tower::Attempts;
use integridai_tower::Deadline;
use integridai_tower::circuit_breaker::{CircuitBreakerError, CircuitBreakerLayer, CircuitOptions};
use integridai_tower::client::retry::{Decision, GivenUp, RetryLayer, RetryOptions};
use integridai_tower::client::{AttemptBudget, AttemptOutcome, Once};
use tower::{Layer, ServiceExt};

use super::*;

/// Three attempts without a pause, and all the budget there can be.
fn eager() -> RetryOptions {
    let budget = AttemptBudget::new(1.0, 1000, SECOND * 10).unwrap();
    RetryOptions::new().backoff(Duration::ZERO, Duration::ZERO).budget(budget)
}

/// How many attempts are made of a request that is always answered so.
async fn attempts(script: Script, request: Sent) -> usize {
    let log = Log::default();
    let service = eager().build().unwrap().layer(scripted(&log, &[script]));
    let _ = service.oneshot(request).await;
    log.count()
}

#[tokio::test(start_paused = true)]
async fn each_end_of_an_attempt_is_repeated_where_that_is_harmless() {
    use Script::{Error, Patience, Status};
    let patience = Patience(503, "0".to_owned());
    // How often a GET is sent, and how often a POST.
    for (script, get, post) in [
        (Status(200), 1, 1),
        (Status(304), 1, 1),
        (Status(400), 1, 1),
        (Status(404), 1, 1),
        (Status(409), 1, 1),
        (Status(408), 3, 1),
        (Status(429), 3, 3),
        (Status(500), 3, 1),
        (Status(501), 1, 1),
        (Status(502), 3, 1),
        (Status(503), 3, 1),
        (patience, 3, 1),
        (Status(504), 3, 1),
        (Status(505), 1, 1),
        (Error(Kind::Connect), 3, 3),
        (Error(Kind::Disagreement), 1, 1),
        (Error(Kind::Exchange), 3, 1),
        (Error(Kind::Invalid), 1, 1),
        (Error(Kind::Unknown), 3, 1),
    ] {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::TRACE]
        {
            assert_eq!(attempts(script.clone(), asking(method.clone())).await, get, "{method} {script:?}");
        }
        for method in [Method::POST, Method::PATCH] {
            assert_eq!(attempts(script.clone(), asking(method.clone())).await, post, "{method} {script:?}");
        }
        let mut keyed = asking(Method::POST);
        keyed.headers_mut().insert("idempotency-key", "7".parse().unwrap());
        assert_eq!(attempts(script.clone(), keyed).await, get, "with a key, {script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_else_may_say_what_is_repeatable_and_what_failed() {
    let log = Log::default();
    let retry = eager().repeatable(|request| request.uri.path() == "/read").build().unwrap();
    let retry = retry.classify(|result: Result<&Answer, &Failure>| match result {
        Ok(response) if response.status() == 404 => AttemptOutcome::Failed { retry_after: None },
        _ => AttemptOutcome::Final,
    });
    let service = retry.layer(scripted(&log, &[Script::Status(404)]));
    service.clone().oneshot(asking(Method::GET)).await.unwrap();
    assert_eq!(log.count(), 1);
    let mut read = asking(Method::POST);
    *read.uri_mut() = "/read".parse().unwrap();
    service.oneshot(read).await.unwrap();
    assert_eq!(log.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_it_and_says_how_many_attempts_there_were() {
    for (scripts, count) in
        [(&[Script::Status(200)][..], 1), (&[Script::Status(502), Script::Status(200)], 2)]
    {
        let log = Log::default();
        let service = eager().build().unwrap().layer(scripted(&log, scripts));
        let response = service.oneshot(asking(Method::GET)).await.unwrap();
        assert_eq!(Attempts::of(response.extensions()).count(), count);
        assert_eq!(text(response).await, format!("answer {count}"));
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_number_and_all_else_is_the_same() {
    let log = Log::default();
    let service = eager().attempts(7).build().unwrap().layer(scripted(&log, &[Script::Status(500)]));
    let mut request = asking(Method::PUT);
    *request.uri_mut() = "http://host/path?query".parse().unwrap();
    let count = HeaderName::from_static("x-envoy-attempt-count");
    request.headers_mut().insert(count, "99".parse().unwrap());
    request.headers_mut().insert("x-mine", "kept".parse().unwrap());
    request.extensions_mut().insert("extension");
    service.oneshot(request).await.unwrap();
    assert_eq!(log.fields("x-envoy-attempt-count"), ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(log.fields("grpc-previous-rpc-attempts"), [""; 7]);
    assert_eq!(log.fields("x-mine"), ["kept"; 7]);
    for (_, request) in log.drain() {
        assert_eq!((request.method(), request.uri().path()), (&Method::PUT, "/path"));
        assert_eq!(request.extensions().get(), Some(&"extension"));
        assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), "question");
    }
}

#[tokio::test(start_paused = true)]
async fn grpc_is_told_how_many_attempts_there_were_before() {
    let log = Log::default();
    let retry = eager().repeatable(|_| true).build().unwrap();
    let mut request = asking(Method::POST);
    request.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    retry.layer(scripted(&log, &[Script::Status(503)])).oneshot(request).await.unwrap();
    assert_eq!(log.fields("grpc-previous-rpc-attempts"), ["", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn pauses_are_within_their_growing_bounds_and_differ() {
    let mut all = Vec::new();
    for _ in 0..200 {
        let log = Log::default();
        let retry = eager().backoff(milliseconds(100), milliseconds(250)).attempts(4).build().unwrap();
        retry.layer(scripted(&log, &[Script::Status(500)])).oneshot(asking(Method::GET)).await.unwrap();
        let times = log.times();
        all.push([1, 2, 3].map(|number| times[number] - times[number - 1]));
    }
    // A timer may be late by its resolution.
    for (at, bound) in [100, 200, 250].into_iter().enumerate() {
        let longest = all.iter().map(|pauses| pauses[at]).max().unwrap();
        let shortest = all.iter().map(|pauses| pauses[at]).min().unwrap();
        assert!(longest <= bound + 2 && longest > bound * 8 / 10, "{longest} of {bound}");
        assert!(shortest < bound * 2 / 10, "{shortest} of {bound}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_patience_is_given_it_and_not_more_than_there_is() {
    let date = |seconds| httpdate::fmt_http_date(SystemTime::now() + SECOND * seconds);
    let waits: [(String, Option<std::ops::RangeInclusive<u128>>); 6] = [
        ("0".to_owned(), Some(0..=2)),
        ("7".to_owned(), Some(7000..=7002)),
        ("30".to_owned(), Some(30_000..=30_002)),
        ("31".to_owned(), None),
        // Dates have whole seconds.
        (date(10), Some(8000..=10_002)),
        (date(60), None),
    ];
    for (text, expected) in waits {
        let log = Log::default();
        let scripts = [Script::Patience(429, text.clone()), Script::Status(200)];
        let service = eager().build().unwrap().layer(scripted(&log, &scripts));
        let status = service.oneshot(asking(Method::POST)).await.unwrap().status();
        match expected {
            Some(wait) => {
                assert!(status == 200 && wait.contains(&log.times()[1]), "{text} {:?}", log.times());
            }
            None => assert_eq!((status.as_u16(), log.count()), (429, 1), "{text}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_that_cannot_end_before_the_deadline() {
    for (left, script, expected) in [
        (SECOND * 5, Script::Patience(503, "5".to_owned()), 1),
        (SECOND * 5, Script::Patience(503, "4".to_owned()), 2),
        (SECOND * 5, Script::After(milliseconds(2600), 503), 2),
        (SECOND * 5, Script::After(milliseconds(4960), 503), 1),
    ] {
        let log = Log::default();
        let retry = eager().at_least(milliseconds(50)).build().unwrap();
        let mut request = asking(Method::GET);
        request.extensions_mut().insert(Deadline::after(left));
        let response = retry.layer(scripted(&log, std::slice::from_ref(&script))).oneshot(request).await;
        assert_eq!((response.unwrap().status().as_u16(), log.count()), (503, expected), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_share_a_budget_stop_when_it_is_used_up() {
    let budget = AttemptBudget::new(0.1, 0, SECOND * 10).unwrap();
    let log = Log::default();
    for _ in 0..100 {
        let retry = eager().budget(budget.clone()).build().unwrap();
        retry.layer(scripted(&log, &[Script::Status(200)])).oneshot(asking(Method::GET)).await.unwrap();
    }
    let failing = Log::default();
    for _ in 0..100 {
        let retry = eager().budget(budget.clone()).build().unwrap();
        retry.layer(scripted(&failing, &[Script::Status(500)])).oneshot(asking(Method::GET)).await.unwrap();
    }
    assert_eq!(failing.count(), 100 + (100 + 100) / 10);
}

#[tokio::test(start_paused = true)]
async fn a_layer_has_a_budget_even_where_nobody_gave_it_one() {
    let log = Log::default();
    let retry = RetryLayer::default();
    let services = [
        retry.clone().layer(scripted(&log, &[Script::Status(500)])),
        retry.layer(scripted(&log, &[Script::Status(500)])),
    ];
    for number in 0..1000 {
        services[number % 2].clone().oneshot(asking(Method::GET)).now_or_never();
    }
    tokio::time::advance(SECOND).await;
    let first = log.count();
    assert_eq!(first, 1000, "each was dropped in its pause");
    let given_up = services[0].clone().oneshot(asking(Method::GET)).now_or_never();
    assert_eq!(given_up.expect("nothing is left to wait for").unwrap().status(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_sent_once() {
    let log = Log::default();
    let service = scripted(&log, &[Script::Status(500)]);
    let service = tower::service_fn(move |request: Request<Once<Full<Bytes>>>| {
        service.clone().oneshot(request.map(|_| Full::from("a stream")))
    });
    let request = asking(Method::GET).map(Once::new);
    assert_eq!(eager().build().unwrap().layer(service).oneshot(request).await.unwrap().status(), 500);
    assert_eq!(log.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_open_is_not_asked_again() {
    let log = Log::default();
    let circuit = CircuitOptions::new().consecutive_failures(2).build("upstream").unwrap();
    let service = CircuitBreakerLayer::new(circuit).layer(scripted(&log, &[Script::Status(500)]));
    let service = eager().attempts(9).build().unwrap().layer(service);
    let error = service.oneshot(asking(Method::GET)).await.unwrap_err();
    assert!(matches!(error, CircuitBreakerError::Open(_)));
    assert_eq!(log.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_of_each_attempt() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let retry = eager().on_attempt(move |ended| ear.lock().unwrap().push((ended.attempt, ended.decision)));
    let service = retry.build().unwrap().layer(scripted(&Log::default(), &[Script::Status(500)]));
    service.clone().oneshot(asking(Method::GET)).await.unwrap();
    service.oneshot(asking(Method::POST)).await.unwrap();
    let again = Decision::Again { pause: Duration::ZERO };
    let given_up = Decision::GivenUp;
    let of_get = [(1, again), (2, again), (3, given_up(GivenUp::Attempts))];
    assert_eq!(heard.lock().unwrap()[..3], of_get);
    assert_eq!(heard.lock().unwrap()[3..], [(1, given_up(GivenUp::NotRepeatable))]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_answer_is_let_go_before_the_pause() {
    struct Held(Arc<AtomicUsize>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let held = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&held);
    let service = tower::service_fn(move |_: Sent| {
        count.fetch_add(1, Ordering::SeqCst);
        let response =
            Response::builder().status(503).header("retry-after", "5").body(Held(Arc::clone(&count)));
        std::future::ready(Ok::<_, std::io::Error>(response.unwrap()))
    });
    let mut call = Box::pin(eager().build().unwrap().layer(service).oneshot(asking(Method::GET)));
    assert!((&mut call).now_or_never().is_none());
    assert_eq!(held.load(Ordering::SeqCst), 0);
    drop(call.await.unwrap());
    assert_eq!(held.load(Ordering::SeqCst), 0);
}
