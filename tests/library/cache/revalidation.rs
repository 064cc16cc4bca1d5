//! What is stale: asked for, served meanwhile, or served in place of an error.

use std::sync::Mutex;

use super::*;

const WHILE: &[(&str, &str)] =
    &[("cache-control", "max-age=10, stale-while-revalidate=60"), ("etag", "\"a\"")];

/// A service that counts its calls and answers by their number.
fn numbered<F, R>(
    layer: &CacheLayer,
    answer: F,
) -> (
    Cache<impl Service<Ask, Response = Answer, Error = &'static str, Future: Send> + Clone + use<F, R>>,
    Arc<AtomicUsize>,
)
where
    F: Fn(usize) -> R + Clone + Send + 'static,
    R: Into<Result<Answer, &'static str>>,
{
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = layer.layer(service_fn(move |_: Ask| {
        let answer = answer(counted.fetch_add(1, Ordering::SeqCst) + 1).into();
        async move { answer }
    }));
    (service, calls)
}

#[tokio::test]
async fn background_work_is_handed_to_the_caller() {
    let work: Arc<Mutex<Vec<Background>>> = Arc::default();
    let kept = Arc::clone(&work);
    let (layer, clock) = stopped();
    let layer = layer.spawn_with(move |background| kept.lock().unwrap().push(background));
    let (service, calls) = numbered(&layer, |number| Ok(answer(WHILE, number.to_string())));
    let ask = || async { read(service.clone().oneshot(get("/a")).await.unwrap()).await };
    ask().await;
    clock.advance(Duration::from_secs(11));
    for _ in 0..3 {
        let reply = ask().await;
        assert_eq!((reply.outcome, &reply.body[..]), (Some(CacheOutcome::StaleHit), &b"1"[..]));
    }
    let mut waiting = std::mem::take(&mut *work.lock().unwrap());
    assert_eq!((waiting.len(), calls.load(Ordering::SeqCst)), (1, 2), "one revalidation at a time");
    waiting.pop().unwrap().await;
    let reply = ask().await;
    assert_eq!(
        (reply.outcome, &reply.body[..], calls.load(Ordering::SeqCst)),
        (Some(CacheOutcome::Hit), &b"2"[..], 2)
    );
}

#[tokio::test]
async fn without_a_spawner_a_client_waits() {
    let (layer, clock) = stopped();
    let (service, _) = numbered(&layer, |number| Ok(answer(WHILE, number.to_string())));
    read(service.clone().oneshot(get("/a")).await.unwrap()).await;
    clock.advance(Duration::from_secs(11));
    assert_eq!(read(service.oneshot(get("/a")).await.unwrap()).await.body, "2");
}

#[tokio::test]
async fn what_is_stale_stands_in_for_a_service_that_fails() {
    let (layer, clock) = stopped();
    let (service, _) = numbered(&layer, |number| match number {
        1 => Ok(answer(&[("cache-control", "max-age=10")], "stored")),
        2 => {
            let mut refused = answer(&[], "open");
            *refused.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            refused.extensions_mut().insert(Refused { layer: "circuit_breaker", reason: "open" });
            Ok(refused)
        }
        _ => Err("down"),
    });
    let ask = || async { service.clone().oneshot(get("/a")).await };
    read(ask().await.unwrap()).await;
    clock.advance(Duration::from_secs(60));
    for _ in 0..2 {
        let reply = read(ask().await.unwrap()).await;
        assert_eq!(
            (reply.status, reply.outcome, reply.header("age")),
            (200, Some(CacheOutcome::StaleIfError), Some("60"))
        );
    }
}

#[tokio::test]
async fn a_lifetime_can_be_set_by_route() {
    let (layer, clock) = stopped();
    let layer = layer.lifetime_unless_told(|url| (url.path() == "/a").then_some(Duration::from_secs(30)));
    let (service, calls) = numbered(&layer, |_| Ok(answer(&[], "")));
    for (path, expected) in [("/a", 1), ("/a", 1), ("/b", 2), ("/b", 3)] {
        read(service.clone().oneshot(get(path)).await.unwrap()).await;
        assert_eq!(calls.load(Ordering::SeqCst), expected, "{path}");
    }
    clock.advance(Duration::from_secs(30));
    read(service.oneshot(get("/a")).await.unwrap()).await;
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn purges_choose_by_url_prefix_and_tag() {
    let layer = layer();
    let (service, calls) = numbered(&layer, |_| {
        Ok(answer(&[("cache-control", "max-age=60"), ("surrogate-key", "red blue")], ""))
    });
    let handle = layer.handle();
    let asks = || async {
        read(service.clone().oneshot(get("/a/b?c=1")).await.unwrap()).await;
        calls.load(Ordering::SeqCst)
    };
    let url = "http://origin.test/a/b?c=1".parse().unwrap();
    let held = || (handle.held(&url).variants, handle.held(&url).fresh);
    assert_eq!(held(), (0, 0));
    assert_eq!((asks().await, asks().await), (1, 1));
    assert_eq!(held(), (1, 1));
    assert!(handle.purge_url(&"http://ORIGIN.test:80/a/b?c=1".parse().unwrap(), false));
    assert_eq!((asks().await, asks().await), (2, 2));
    assert_eq!(
        (
            handle.purge_prefix("http://origin.test/a/", false),
            handle.purge_prefix("http://origin.test/b", false)
        ),
        (1, 0)
    );
    assert_eq!((asks().await, asks().await), (3, 3));
    assert_eq!((handle.purge_tag("blue", true), handle.purge_tag("bl", true)), (1, 0));
    assert_eq!(held(), (1, 0));
    assert_eq!((asks().await, asks().await), (4, 4));
    assert_eq!((handle.purge_all(false), held(), asks().await), (1, (0, 0), 5));
}
