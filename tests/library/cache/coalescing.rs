//! Concurrent requests for what is not stored.

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::*;
use crate::support::probe::Probe;

const FRESH: (&str, &str) = ("cache-control", "max-age=60");
const ORIGIN: Duration = Duration::from_millis(200);

async fn slow(lines: &'static [(&'static str, &'static str)]) -> Result<Answer, &'static str> {
    sleep(ORIGIN).await;
    Ok(answer(lines, "whole"))
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_for_one_missing_key_make_one_call() {
    let probe = Probe::new(|_: Ask| slow(&[FRESH]));
    let watch = probe.watch();
    let service = layer().layer(probe);
    let start = Instant::now();
    let replies =
        join_all((0..1000).map(|_| async { read(service.clone().oneshot(get("/a")).await.unwrap()).await }))
            .await;
    assert_eq!((watch.calls(), start.elapsed()), (1, ORIGIN));
    assert!(replies.iter().all(|reply| reply.body == "whole"));
    let shared = replies.iter().filter(|reply| reply.outcome == Some(CacheOutcome::Collapsed)).count();
    assert_eq!(shared, 999);
    assert!(replies[1].header("cache-status").unwrap().contains("; collapsed"));
}

#[tokio::test(start_paused = true)]
async fn when_the_first_leaves_half_way_nobody_fails() {
    let probe = Probe::new(|_: Ask| slow(&[FRESH]));
    let watch = probe.watch();
    let service = layer().layer(probe);
    let ask = || Box::pin(service.clone().oneshot(get("/a")));
    let mut first = ask();
    assert!((&mut first).now_or_never().is_none());
    let mut others: Vec<_> = (0..1000).map(|_| ask()).collect();
    assert!(others.iter_mut().all(|other| other.now_or_never().is_none()));
    sleep(ORIGIN / 2).await;
    drop(first);
    let replies = join_all(others).await;
    assert!(watch.calls() <= 2 && replies.iter().all(Result::is_ok), "{} calls", watch.calls());
}

#[tokio::test(start_paused = true)]
async fn a_stream_reaches_all_as_it_comes() {
    let service = layer().layer(service_fn(async |_: Ask| {
        sleep(ORIGIN).await;
        let body = Paced::new(&["first ", "second ", "third"]);
        Ok::<_, Infallible>(Response::builder().header(FRESH.0, FRESH.1).body(body).unwrap())
    }));
    let start = Instant::now();
    let times = join_all((0..100).map(|_| async {
        let mut body = service.clone().oneshot(get("/a")).await.unwrap().into_body();
        let mut times = vec![start.elapsed().as_millis()];
        while let Some(frame) = body.frame().await {
            assert!(frame.unwrap().is_data());
            times.push(start.elapsed().as_millis());
        }
        times
    }))
    .await;
    assert!(times.iter().all(|times| *times == [200, 210, 220, 230]), "{times:?}");
    assert_eq!(read(service.oneshot(get("/a")).await.unwrap()).await.body, "first second third");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_a_stream_leaves_it_to_the_others() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = layer().layer(service_fn(move |_: Ask| {
        counted.fetch_add(1, Ordering::SeqCst);
        let body = Paced::new(&["first ", "second ", "third"]);
        async { Ok::<_, Infallible>(Response::builder().header(FRESH.0, FRESH.1).body(body).unwrap()) }
    }));
    let mut first = service.clone().oneshot(get("/a")).await.unwrap().into_body();
    first.frame().await.unwrap().unwrap();
    let second = service.clone().oneshot(get("/a")).await.unwrap();
    drop(first);
    assert_eq!(read(second).await.body, "first second third");
    assert_eq!(read(service.oneshot(get("/a")).await.unwrap()).await.outcome, Some(CacheOutcome::Hit));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_one_releases_the_others_at_once() {
    let probe = Probe::new(|_: Ask| slow(&[("cache-control", "no-store")]));
    let watch = probe.watch();
    let service = layer().layer(probe);
    let all = || join_all((0..100).map(|_| service.clone().oneshot(get("/a"))));
    let start = Instant::now();
    assert!(all().await.iter().all(Result::is_ok));
    assert_eq!(
        (watch.calls(), start.elapsed()),
        (100, 2 * ORIGIN),
        "all wait for the first, then go together"
    );
    let start = Instant::now();
    all().await;
    assert_eq!(
        (watch.calls(), start.elapsed()),
        (200, ORIGIN),
        "nobody waits for what is known not to be shared"
    );
}

#[tokio::test(start_paused = true)]
async fn when_the_first_fails_one_tries_again_for_the_others() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = layer().layer(service_fn(move |_: Ask| {
        let is_first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if is_first { Err("broken") } else { slow(&[FRESH]).await } }
    }));
    let replies = join_all((0..50).map(|_| service.clone().oneshot(get("/a")))).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(replies.iter().filter(|reply| reply.is_err()).count(), 1, "the first is told the error");
}

#[tokio::test(start_paused = true)]
async fn waiting_is_bounded_in_number_and_time() {
    let probe = Probe::new(|_: Ask| slow(&[FRESH]));
    let watch = probe.watch();
    let service = layer().most_waiting(10).layer(probe);
    join_all((0..30).map(|_| service.clone().oneshot(get("/a")))).await;
    assert_eq!(watch.calls(), 3, "ten to a call");

    let probe = Probe::new(|_: Ask| slow(&[FRESH]));
    let watch = probe.watch();
    let service = layer().wait_up_to(Duration::from_millis(50)).layer(probe);
    let start = Instant::now();
    join_all((0..3).map(|_| service.clone().oneshot(get("/a")))).await;
    assert_eq!((watch.calls(), start.elapsed().as_millis()), (3, 250));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_breaks_at_all_and_is_not_stored() {
    let service = layer().layer(service_fn(async |_: Ask| {
        let body = Paced { breaks_after: 1, ..Paced::new(&["first ", "second "]) };
        Ok::<_, Infallible>(Response::builder().header(FRESH.0, FRESH.1).body(body).unwrap())
    }));
    let ask =
        || async { service.clone().oneshot(get("/a")).await.unwrap().into_body().collect().await.is_err() };
    assert_eq!(join_all((0..5).map(|_| ask())).await, [true; 5]);
    let response = service.clone().oneshot(get("/a")).await.unwrap();
    assert_eq!(CacheOutcome::of(response.extensions()), Some(CacheOutcome::Stored), "it is asked for again");
}

#[tokio::test(start_paused = true)]
async fn what_outgrows_the_cap_passes_whole_and_holds_no_more_than_it_needs() {
    const PIECES: [&str; 8] = ["0123456789"; 8];
    let service = layer().largest_body(32).layer(service_fn(async |_: Ask| {
        Ok::<_, Infallible>(Response::builder().header(FRESH.0, FRESH.1).body(Paced::new(&PIECES)).unwrap())
    }));
    let (one, two) = tokio::join!(service.clone().oneshot(get("/a")), service.clone().oneshot(get("/a")));
    let (one, two) = tokio::join!(read(one.unwrap()), read(two.unwrap()));
    assert_eq!((one.body.len(), two.body.len()), (80, 80));
    let again = service.oneshot(get("/a")).await.unwrap();
    assert_ne!(CacheOutcome::of(again.extensions()), Some(CacheOutcome::Hit));
}

#[tokio::test(start_paused = true)]
async fn what_was_invalidated_on_its_way_is_not_stored() {
    let probe = Probe::new(|_: Ask| slow(&[FRESH]));
    let watch = probe.watch();
    let layer = layer();
    let service = layer.layer(probe);
    let early = Box::pin(service.clone().oneshot(get("/a")));
    let change = async {
        sleep(ORIGIN / 2).await;
        layer.handle().purge_url(&"http://origin.test/a".parse().unwrap(), false);
        read(service.clone().oneshot(get("/a")).await.unwrap()).await
    };
    let (early, late) = tokio::join!(early, change);
    read(early.unwrap()).await;
    assert_eq!(
        (watch.calls(), late.outcome),
        (2, Some(CacheOutcome::Stored)),
        "nobody joins what is out of date"
    );
    assert_eq!(read(service.oneshot(get("/a")).await.unwrap()).await.outcome, Some(CacheOutcome::Hit));
}

#[tokio::test(start_paused = true)]
async fn a_first_client_that_is_slower_than_the_others_gets_its_answer() {
    const PIECES: [&str; 40] = ["0123456789"; 40];
    let service = layer().largest_body(100).layer(service_fn(async |_: Ask| {
        sleep(ORIGIN).await;
        Ok::<_, Infallible>(
            Response::builder().header(FRESH.0, FRESH.1).body(Paced::new(&PIECES[..9])).unwrap(),
        )
    }));
    let mut first = Box::pin(service.clone().oneshot(get("/a")));
    assert!((&mut first).now_or_never().is_none());
    assert_eq!(read(service.oneshot(get("/a")).await.unwrap()).await.body.len(), 90);
    assert_eq!(read(first.await.unwrap()).await.body.len(), 90);
}

#[tokio::test(start_paused = true)]
async fn who_falls_too_far_behind_a_stream_is_cut_off_and_never_answered_in_part() {
    const PIECES: [&str; 40] = ["0123456789"; 40];
    let service = layer().largest_body(100).layer(service_fn(async |_: Ask| {
        sleep(ORIGIN).await;
        Ok::<_, Infallible>(Response::builder().header(FRESH.0, FRESH.1).body(Paced::new(&PIECES)).unwrap())
    }));
    let mut first = Box::pin(service.clone().oneshot(get("/a")));
    assert!((&mut first).now_or_never().is_none());
    assert_eq!(read(service.oneshot(get("/a")).await.unwrap()).await.body.len(), 400);
    assert!(first.await.unwrap().into_body().collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_panics_takes_two_clients_along_at_most() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = layer().layer(service_fn(move |_: Ask| {
        let is_first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            sleep(ORIGIN).await;
            assert!(!is_first, "it panics");
            Ok::<_, Infallible>(answer(&[FRESH], "whole"))
        }
    }));
    let clients: Vec<_> = (0..10).map(|_| tokio::spawn(service.clone().oneshot(get("/a")))).collect();
    let answers = join_all(clients).await;
    // Whoever drives it, and whoever asked for it.
    assert!(answers.iter().filter(|answer| answer.is_err()).count() <= 2);
    assert!(answers.iter().flatten().all(Result::is_ok));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
