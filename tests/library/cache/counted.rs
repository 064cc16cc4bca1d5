//! What a scrape sees of a cache.

use integridai_tower::metrics::{CACHE_REQUESTS, CACHE_SERVED_BYTES, CountCacheOutcomesLayer};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;

/// What one series says after all of `act`.
fn scraped(act: impl FnOnce()) -> impl Fn(&str, &str) -> Option<u64> {
    let recorder = PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, act);
    let page = recorder.handle().render();
    move |name, outcome| {
        let series = format!("{name}{{outcome=\"{outcome}\",cache=\"edge\"}} ");
        page.lines().find_map(|line| line.strip_prefix(series.as_str())).map(|count| count.parse().unwrap())
    }
}

/// The head and all of the content, at once.
fn ask<S, B>(service: &S, request: Ask)
where
    S: Service<Ask, Response = Response<CacheBody<B>>, Error = Infallible> + Clone,
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let response = service.clone().oneshot(request).now_or_never().unwrap().unwrap();
    read(response).now_or_never().unwrap();
}

#[test]
fn each_outcome_is_counted_with_the_bytes_that_came_from_the_store() {
    let (layer, clock) = stopped();
    let layer = CountCacheOutcomesLayer::new().label("cache", "edge").layer(layer.layer(service_fn(
        async |request: Ask| {
            let is_known = request.headers().contains_key("if-none-match");
            let is_kept = request.uri().path() == "/kept";
            let control = if is_kept { "max-age=10" } else { "no-store" };
            let mut answer = answer(&[("cache-control", control), ("etag", "\"a\"")], "0123456789");
            if is_known {
                *answer.status_mut() = http::StatusCode::NOT_MODIFIED;
                *answer.body_mut() = Full::default();
            }
            Ok::<_, Infallible>(answer)
        },
    )));
    let count = scraped(|| {
        for path in ["/kept", "/kept", "/kept", "/other"] {
            ask(&layer, get(path));
        }
        clock.advance(Duration::from_secs(11));
        ask(&layer, get("/kept"));
        ask(&layer, Request::post("/kept").header("host", "origin.test").body(Empty::new()).unwrap());
    });
    for (outcome, requests) in
        [("stored", 1), ("hit", 2), ("passed", 1), ("confirmed", 1), ("bypassed", 1), ("collapsed", 0)]
    {
        assert_eq!(count(CACHE_REQUESTS, outcome).unwrap_or(0), requests, "{outcome}");
    }
    for (outcome, bytes) in [("hit", Some(20)), ("confirmed", Some(10)), ("stored", None), ("passed", None)] {
        assert_eq!(count(CACHE_SERVED_BYTES, outcome), bytes, "{outcome}");
    }
}

#[test]
fn an_answer_that_no_cache_saw_is_not_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, || {
        let service = CountCacheOutcomesLayer::new()
            .layer(service_fn(async |_: Ask| Ok::<_, Infallible>(answer(&[], "plain"))));
        service.oneshot(get("/a")).now_or_never().unwrap().unwrap();
    });
    assert_eq!(recorder.handle().render(), "");
}
