//! `GET /api/v1/metrics/consolidated` over services that are well.

use integridai_gateway::demo::{Failure, MetricsShape, Shapes, Simulator};
use serde_json::{Value, json};

use crate::support::client::{Answer, CONSOLIDATED};
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, COMPLIANCE, FIGURES, TRAINING, analysis};
use crate::support::{until, within};

/// Each ask gathers anew.
const UNCACHED: (&str, &str) = ("METRICS__CACHE_SECONDS", "0.001");

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn asked(gateway: &Gateway) -> [u64; 3] {
    let count = |service: &Simulator, path| service.control().report().total(path);
    [
        count(gateway.flaisimulator(), TRAINING),
        count(gateway.regtech(), COMPLIANCE),
        count(gateway.dashboard(), FIGURES),
    ]
}

/// What the service itself says.
async fn figures(service: &Simulator, path: &str) -> Value {
    let url = service.url() + path;
    within(async { reqwest::get(url).await.expect("an answer").json().await.expect("JSON") }).await
}

#[tokio::test]
async fn it_has_exactly_the_published_fields() {
    let gateway = Gateway::start().await;
    let metrics = gateway.client.get(CONSOLIDATED).await.ok();
    assert_eq!(keys(&metrics), ["business_metrics", "performance_metrics", "system_health", "timestamp"]);
    let health = json!({
        "flaisimulator_status": "online", "regtech_status": "online", "dashboard_status": "online",
    });
    assert_eq!(metrics["system_health"], health);
    let business = [
        "active_simulations",
        "avg_compliance_score",
        "providers_analyzed",
        "total_users",
        "training_effectiveness",
    ];
    assert_eq!(keys(&metrics["business_metrics"]), business);
    let performance = [
        "avg_response_time_ms",
        "error_rate_percent",
        "p50_response_time_ms",
        "p95_response_time_ms",
        "p99_response_time_ms",
        "requests_per_minute",
    ];
    assert_eq!(keys(&metrics["performance_metrics"]), performance);
    gateway.stop().await;
}

#[tokio::test]
async fn the_figures_are_those_of_the_services_nested_or_flat() {
    let gateway = Gateway::with(&[UNCACHED]).await;
    let services = gateway.services();
    let training = figures(&services.flaisimulator, TRAINING).await;
    let compliance = figures(&services.regtech, COMPLIANCE).await["metrics"].clone();
    let number = |value: &Value| value.as_f64().expect("a number");
    let effect = |of: &Value| {
        let product = number(&of["completion_rate"]) * number(&of["avg_score"]);
        (product).round() / 100.0
    };
    let own = effect(&training["training_metrics"]);
    let dashboards = effect(&figures(&services.dashboard, FIGURES).await["data"]["training_metrics"]);
    assert!(own > 0.0 && dashboards > 0.0 && number(&training["users"]) > 0.0);
    let (nested, flat) = (MetricsShape::Nested, MetricsShape::Flat);
    for (shapes, effectiveness) in
        [([nested, nested, nested], own), ([flat, flat, nested], dashboards), ([flat, flat, flat], 0.0)]
    {
        for (service, metrics) in
            [&services.flaisimulator, &services.regtech, &services.dashboard].into_iter().zip(shapes)
        {
            service.control().shape(Shapes { metrics, ..Shapes::default() });
        }
        // A round that began before may still end after.
        for _ in 0..2 {
            gateway.client.get(CONSOLIDATED).await.ok();
        }
        let business = gateway.client.get(CONSOLIDATED).await.ok()["business_metrics"].clone();
        assert_eq!(business["total_users"], training["users"], "{shapes:?}");
        assert_eq!(business["active_simulations"], training["active_sims"], "{shapes:?}");
        assert_eq!(business["providers_analyzed"], compliance["total_providers"], "{shapes:?}");
        assert_eq!(business["avg_compliance_score"], compliance["avg_compliance_score"], "{shapes:?}");
        assert_eq!(number(&business["training_effectiveness"]), effectiveness, "{shapes:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_figures_move_as_the_services_are_used() {
    let gateway = Gateway::with(&[UNCACHED]).await;
    let providers = async || {
        gateway.client.get(CONSOLIDATED).await.ok()["business_metrics"]["providers_analyzed"].as_u64()
    };
    let before = providers().await.expect("a count");
    gateway.client.execute(&analysis()).await.ok();
    until("the count of one provider more", async || (providers().await == Some(before + 1)).then_some(()))
        .await;
    gateway.stop().await;
}

#[tokio::test]
async fn however_many_ask_each_service_is_asked_once() {
    let hanging = |services: &integridai_gateway::demo::Simulators| {
        services.regtech.control().fail(Failure::hang().on(COMPLIANCE));
    };
    let gateway = Gateway::over(&[("METRICS__TIMEOUT_SECONDS", "600")], hanging).await;
    let ask = |_| {
        let client = gateway.client.clone();
        tokio::spawn(async move { client.get(CONSOLIDATED).await })
    };
    let asking: Vec<_> = (0..100).map(ask).collect();
    within(gateway.regtech().control().wait_until(|report| report.in_flight == 1)).await;
    for _ in 0..10 {
        gateway.client.get("/livez").await;
    }
    assert!(asking.iter().all(|asking| !asking.is_finished()), "there is nothing to answer yet");
    within(gateway.regtech().stop()).await;
    let mut bodies = Vec::new();
    for asking in asking {
        bodies.push(within(asking).await.expect("no panic").ok());
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(asked(&gateway), [1, 1, 1]);
    gateway.stop().await;
}

#[tokio::test]
async fn an_ask_that_is_given_up_does_not_end_the_round_for_the_others() {
    let hanging = |services: &integridai_gateway::demo::Simulators| {
        services.regtech.control().fail(Failure::hang().on(COMPLIANCE));
    };
    let gateway = Gateway::over(&[("METRICS__TIMEOUT_SECONDS", "600")], hanging).await;
    let client = gateway.client.clone();
    let leaving = tokio::spawn(async move { client.get(CONSOLIDATED).await });
    within(gateway.regtech().control().wait_until(|report| report.in_flight == 1)).await;
    leaving.abort();
    let client = gateway.client.clone();
    let staying = tokio::spawn(async move { client.get(CONSOLIDATED).await });
    gateway.client.get("/livez").await;
    within(gateway.regtech().stop()).await;
    within(staying).await.expect("no panic").ok();
    assert_eq!(asked(&gateway), [1, 1, 1]);
    gateway.stop().await;
}

fn age(answer: &Answer) -> u64 {
    answer.header("age").parse().expect("seconds")
}

#[tokio::test]
async fn within_the_cache_time_no_service_is_asked_again() {
    let gateway = Gateway::start().await;
    let first = gateway.client.get(CONSOLIDATED).await;
    assert_eq!(
        (first.header("cache-control"), first.header("content-type")),
        ("private, max-age=30", "application/json")
    );
    let mut last = age(&first);
    for _ in 0..5 {
        let again = gateway.client.get(CONSOLIDATED).await;
        assert_eq!(again.body, first.body);
        assert!((last..30).contains(&age(&again)), "{again:?}");
        last = age(&again);
    }
    assert_eq!(asked(&gateway), [1, 1, 1]);
    gateway.stop().await;
}

#[tokio::test]
async fn after_the_cache_time_the_services_are_asked_anew() {
    // Old figures in the meantime are tested in kept.rs.
    let at_once = ("CACHE__ROUTES__CONSOLIDATED__STALE_WHILE_REVALIDATE_SECONDS", "0");
    let gateway = Gateway::with(&[("METRICS__CACHE_SECONDS", "1.2"), at_once]).await;
    let first = gateway.client.get(CONSOLIDATED).await;
    assert_eq!(first.header("cache-control"), "private, max-age=1");
    let (mut oldest, mut asks) = (0, 0);
    let later = until("another round", async || {
        let answer = gateway.client.get(CONSOLIDATED).await;
        asks += 1;
        if answer.body != first.body {
            return Some(answer);
        }
        oldest = age(&answer);
        None
    })
    .await;
    assert!(oldest <= 1 && age(&later) == 0, "{oldest}, {later:?}");
    assert!(asks > 1 && asked(&gateway)[1] == 2, "{asks} asks, {:?} rounds", asked(&gateway));
    gateway.stop().await;
}

#[tokio::test]
async fn every_round_is_kept_as_history() {
    let gateway = Gateway::start().await;
    let metrics = gateway.client.get(CONSOLIDATED).await.ok();
    let query = "SELECT metric_name, metric_value, service, timestamp, metadata FROM metrics_history";
    let rows = gateway.until_rows(query, 1).await;
    let value = |name: &str, service: &str| {
        let row = rows.iter().find(|row| row["metric_name"] == name && row["service"] == service);
        row.unwrap_or_else(|| panic!("no {name} of {service}: {rows:?}"))["metric_value"].as_f64()
    };
    let (business, performance) = (&metrics["business_metrics"], &metrics["performance_metrics"]);
    for (name, service, figure) in [
        ("total_users", "flaisimulator", &business["total_users"]),
        ("active_simulations", "flaisimulator", &business["active_simulations"]),
        ("training_effectiveness", "flaisimulator", &business["training_effectiveness"]),
        ("providers_analyzed", "regtech", &business["providers_analyzed"]),
        ("avg_compliance_score", "regtech", &business["avg_compliance_score"]),
        ("avg_response_time_ms", "gateway", &performance["avg_response_time_ms"]),
        ("requests_per_minute", "gateway", &performance["requests_per_minute"]),
        ("error_rate_percent", "gateway", &performance["error_rate_percent"]),
    ] {
        assert_eq!(value(name, service), figure.as_f64(), "{name}");
    }
    for service in ["flaisimulator", "regtech", "dashboard"] {
        assert_eq!(value("status", service), Some(1.0), "{service}");
    }
    assert_eq!(rows.len(), 11, "{rows:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn performance_moves_with_the_traffic_and_errors_count() {
    let gateway = Gateway::with(&[UNCACHED]).await;
    let figure =
        |metrics: &Value, name: &str| metrics["performance_metrics"][name].as_f64().expect("a number");
    for _ in 0..20 {
        gateway.client.execute(&analysis()).await.ok();
        gateway.client.get("/nowhere").await.problem(404);
    }
    let calm = gateway.client.get(CONSOLIDATED).await.ok();
    assert_eq!(figure(&calm, "error_rate_percent"), 0.0, "{calm}");
    assert!(figure(&calm, "requests_per_minute") >= 20.0, "{calm}");
    assert!(figure(&calm, "avg_response_time_ms") > 0.0, "{calm}");
    let quantiles = ["p50_response_time_ms", "p95_response_time_ms", "p99_response_time_ms"];
    let [p50, p95, p99] = quantiles.map(|name| figure(&calm, name));
    assert!(0.0 < p50 && p50 <= p95 && p95 <= p99, "{calm}");

    gateway.regtech().control().fail(Failure::error(http::StatusCode::INTERNAL_SERVER_ERROR).on(ANALYZE));
    for _ in 0..20 {
        gateway.client.execute(&analysis()).await.failure(502, Some("complete_analysis"));
    }
    let failing = until("errors in the figures", async || {
        let metrics = gateway.client.get(CONSOLIDATED).await.ok();
        (figure(&metrics, "error_rate_percent") > 20.0).then_some(metrics)
    })
    .await;
    assert!(figure(&failing, "error_rate_percent") < 60.0, "{failing}");
    assert!(figure(&failing, "requests_per_minute") > figure(&calm, "requests_per_minute") / 2.0);
    gateway.stop().await;
}

#[tokio::test]
async fn server_timing_tells_how_long_each_service_took_and_metrics_how_it_went() {
    let failing = |services: &integridai_gateway::demo::Simulators| {
        let unavailable = Failure::error(http::StatusCode::SERVICE_UNAVAILABLE);
        services.regtech.control().fail(unavailable.on(COMPLIANCE));
    };
    let gateway = Gateway::over(&[], failing).await;
    let answer = gateway.client.get(CONSOLIDATED).await;
    assert_eq!(answer.status, http::StatusCode::OK);
    let timing = answer.header("server-timing").to_owned();
    let [flaisimulator, regtech, dashboard] = timing.split(", ").collect::<Vec<_>>()[..] else {
        panic!("three services: {timing}");
    };
    assert!(flaisimulator.starts_with("flaisimulator;dur=") && !flaisimulator.contains("desc"), "{timing}");
    assert!(regtech.starts_with("regtech;dur=") && regtech.ends_with(";desc=\"rejected\""), "{timing}");
    assert!(dashboard.starts_with("dashboard;dur=") && !dashboard.contains("desc"), "{timing}");
    assert_eq!(gateway.client.get(CONSOLIDATED).await.header("server-timing"), timing, "that of the round");
    let page = gateway.client.get("/metrics").await;
    for labels in [r#"branch="flaisimulator",outcome="ok""#, r#"branch="regtech",outcome="rejected""#] {
        let series = format!("fan_out_branch_duration_seconds_count{{{labels}}}");
        assert!(page.text().contains(&series), "{series} is missing in\n{}", page.text());
    }
    gateway.stop().await;
}
