//! What is refused, as a scrape sees it.

use std::convert::Infallible;

use futures_util::FutureExt;
use http::{Request, Response};
use integridai_tower::Refused;
use integridai_tower::auth::AuthenticateLayer;
use integridai_tower::metrics::{self, CountRefusalsLayer, MAX_SERIES};
use integridai_tower::rate_limit::{MemoryLimiter, Quota, RateLimitLayer, RequestHead};
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::auth::{bearer, subject, token, with};

/// The lines of a scrape after `act`, without comments, sorted.
fn scraped(act: impl FnOnce()) -> Vec<String> {
    let recorder = PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, act);
    let page = recorder.handle().render();
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut lines: Vec<String> = lines.map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

fn refusing(
    reason: &'static str,
) -> impl Fn(Request<()>) -> std::future::Ready<Result<Response<()>, Infallible>> {
    move |_| {
        let mut response = Response::new(());
        response.extensions_mut().insert(Refused { layer: "test", reason });
        std::future::ready(Ok(response))
    }
}

#[test]
fn refusals_are_counted_by_layer_and_reason() {
    let service = ServiceBuilder::new()
        .layer(CountRefusalsLayer::new().label("listener", "public"))
        .layer(AuthenticateLayer::new(bearer()))
        .service(service_fn(subject));
    let lines = scraped(|| {
        for request in [token("alice"), token("expired"), token("expired"), with(&[])] {
            service.clone().oneshot(request).now_or_never().unwrap().unwrap();
        }
    });
    let counted = |reason: &str, count: u8| {
        format!(
            "http_server_refused_requests_total{{layer=\"auth\",reason=\"{reason}\",listener=\"public\"}} {count}"
        )
    };
    assert_eq!(lines, [counted("expired", 2), counted("no_credentials", 1)]);
}

#[test]
fn what_a_shadow_would_have_refused_is_counted_apart() {
    let limiter = MemoryLimiter::new([Quota::per_day(1)]).unwrap();
    let layer = RateLimitLayer::new(limiter, |_: &RequestHead<'_>| None).shadow();
    let service = CountRefusalsLayer::new().layer(layer.layer(service_fn(subject)));
    let lines = scraped(|| {
        for _ in 0..3 {
            service.clone().oneshot(with(&[])).now_or_never().unwrap().unwrap();
        }
    });
    let counted = "http_server_shadow_refused_requests_total{layer=\"rate_limit\",reason=\"over_quota\"} 2";
    assert_eq!(lines, [counted]);
}

#[test]
fn the_number_of_series_is_bounded() {
    let layer = CountRefusalsLayer::new();
    let lines = scraped(|| {
        for number in 0..MAX_SERIES + 50 {
            let reason: &'static str = Box::leak(format!("reason_{number}").into_boxed_str());
            let service = layer.layer(service_fn(refusing(reason)));
            service.oneshot(Request::new(())).now_or_never().unwrap().unwrap();
        }
    });
    assert_eq!(lines.len(), MAX_SERIES);
    let other = "http_server_refused_requests_total{layer=\"other\",reason=\"other\"} 51";
    assert!(lines.iter().any(|line| line == other), "{lines:?}");
}

#[test]
fn the_names_have_help_texts() {
    let recorder = PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, || {
        metrics::describe();
        let service = CountRefusalsLayer::new().layer(service_fn(refusing("x")));
        service.oneshot(Request::new(())).now_or_never().unwrap().unwrap();
    });
    let help = format!("# HELP {} Requests that a layer answered", metrics::REFUSED_REQUESTS);
    assert!(recorder.handle().render().contains(&help));
}
