//! Two clients, one of whom would like to see what the other got.

use super::*;

/// Answers everybody by name, with these fields.
fn by_name(
    lines: &'static [(&'static str, &'static str)],
) -> Cache<impl Service<Ask, Response = Answer, Error = Infallible, Future: Send> + Clone> {
    layer().layer(service_fn(move |request: Ask| async move {
        let name = request.headers().get("x-who").map_or("nobody", |name| name.to_str().unwrap());
        Ok(answer(lines, format!("of {name}")))
    }))
}

fn of(name: &'static str) -> Ask {
    let mut request = get("/a");
    request.headers_mut().insert("x-who", name.parse().unwrap());
    request
}

async fn second_sees<S>(service: Cache<S>, prepare: impl Fn(&mut Ask, &'static str)) -> Bytes
where
    S: Service<Ask, Response = Answer, Error = Infallible> + Clone,
    S::Future: Send + 'static,
{
    let ask = |name| {
        let mut request = of(name);
        prepare(&mut request, name);
        request
    };
    assert_eq!(read(service.clone().oneshot(ask("alice")).await.unwrap()).await.body, "of alice");
    read(service.oneshot(ask("bob")).await.unwrap()).await.body
}

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

#[tokio::test]
async fn answers_of_one_never_reach_the_other() {
    let nothing = |_: &mut Ask, _| {};
    let authorized = |request: &mut Ask, name: &'static str| {
        request.headers_mut().insert("authorization", format!("Bearer {name}").parse().unwrap());
    };
    let principal = |request: &mut Ask, name: &'static str| {
        request.extensions_mut().insert(Principal::builder(name).build());
    };
    let post = |request: &mut Ask, _| *request.method_mut() = http::Method::POST;
    assert_eq!(second_sees(by_name(&[FRESH]), authorized).await, "of bob");
    assert_eq!(second_sees(by_name(&[FRESH]), principal).await, "of bob");
    assert_eq!(second_sees(by_name(&[FRESH]), post).await, "of bob");
    assert_eq!(second_sees(by_name(&[("cache-control", "private, max-age=60")]), nothing).await, "of bob");
    assert_eq!(second_sees(by_name(&[("cache-control", "no-store")]), nothing).await, "of bob");
    assert_eq!(second_sees(by_name(&[FRESH, ("vary", "x-who")]), nothing).await, "of bob");
    assert_eq!(second_sees(by_name(&[FRESH, ("vary", "*")]), nothing).await, "of bob");
    let cookie = &[("set-cookie", "a=b"), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
    assert_eq!(second_sees(by_name(cookie), nothing).await, "of bob");
    assert_eq!(
        second_sees(by_name(&[FRESH]), nothing).await,
        "of alice",
        "else nothing would be shown by this"
    );
    let public = &[("cache-control", "public, max-age=60")];
    assert_eq!(second_sees(by_name(public), principal).await, "of alice", "where the service says so");
}

#[tokio::test(start_paused = true)]
async fn answers_of_one_never_reach_the_other_at_the_same_time() {
    let cases: [&'static [(&str, &str)]; 4] =
        [&[FRESH, ("vary", "x-who")], &[("cache-control", "private")], &[("cache-control", "no-store")], &[]];
    for lines in cases {
        let service = layer().layer(service_fn(move |request: Ask| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let name = request.headers()["x-who"].to_str().unwrap().to_owned();
            Ok::<_, Infallible>(answer(lines, name))
        }));
        let ask = async |name| read(service.clone().oneshot(of(name)).await.unwrap()).await.body;
        let (alice, bob, carol) = tokio::join!(ask("alice"), ask("bob"), ask("carol"));
        assert_eq!(
            (&alice[..], &bob[..], &carol[..]),
            (&b"alice"[..], &b"bob"[..], &b"carol"[..]),
            "{lines:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_does_not_get_what_a_leader_that_left_had_asked_for() {
    let service = layer().layer(service_fn(|request: Ask| async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let name = request.headers()["x-who"].to_str().unwrap().to_owned();
        Ok::<_, Infallible>(answer(&[("cache-control", "private")], name))
    }));
    let mut alice = Box::pin(service.clone().oneshot(of("alice")));
    assert!((&mut alice).now_or_never().is_none());
    let mut bob = Box::pin(service.clone().oneshot(of("bob")));
    assert!((&mut bob).now_or_never().is_none());
    drop(alice);
    assert_eq!(read(bob.await.unwrap()).await.body, "bob");
}

#[tokio::test]
async fn a_private_cache_keeps_what_is_its_clients() {
    let layer = CacheLayer::private(MemoryStore::new(1 << 20).unwrap());
    let service = layer.layer(service_fn(async |_: Ask| {
        Ok::<_, Infallible>(answer(&[("cache-control", "private, max-age=60")], "mine"))
    }));
    let mut request = of("alice");
    request.headers_mut().insert("authorization", "Bearer a".parse().unwrap());
    read(service.clone().oneshot(request).await.unwrap()).await;
    assert_eq!(read(service.oneshot(get("/a")).await.unwrap()).await.outcome, Some(CacheOutcome::Hit));
}
