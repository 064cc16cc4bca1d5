//! `/metrics`: the names, and labels whose number has a bound.

use http::Method;

use crate::support::client::{CONSOLIDATED, EXECUTE};
use crate::support::gateway::Gateway;
use crate::support::requests::analysis;
use crate::support::subscriber::Subscriber;
use crate::support::until;

async fn metrics(gateway: &Gateway) -> String {
    let answer = gateway.client.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    answer.text().to_owned()
}

const NAMES: [&str; 36] = [
    "integridai_build_info",
    "integridai_circuit_refused_total",
    "integridai_event_lag_seconds_count",
    "integridai_events_lag",
    "integridai_execution_duration_seconds_count",
    "integridai_executions_active",
    "integridai_executions_queue_age_seconds",
    "integridai_panics_total",
    "integridai_realtime_connections",
    "integridai_realtime_events_sent_total",
    "integridai_service_calls_active",
    "integridai_service_calls_limit",
    "integridai_service_calls_queued",
    "integridai_service_request_duration_seconds_count",
    "integridai_service_shed_total",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "tokio_runtime_busy_ratio",
    "tokio_runtime_tasks",
    "tokio_runtime_workers",
    "http_server_active_requests",
    "http_server_request_duration_seconds_bucket",
    "http_server_request_duration_seconds_count",
    "integridai_events_total",
    "integridai_realtime_subscribers",
    "integridai_server_connections_open",
    "integridai_service_up",
    "integridai_store_buffered_rows",
    "integridai_store_dropped_rows_total",
    "integridai_store_healthy",
    "integridai_store_pruned_rows_total",
    "integridai_store_spool_damages_total",
    "integridai_store_spooled_rows",
    "integridai_store_written_rows_total",
];

#[tokio::test]
async fn the_promised_names_are_there() {
    let gateway = Gateway::start().await;
    let subscriber = Subscriber::start(&gateway.client).await;
    gateway.client.execute(&analysis()).await.ok();
    let text = until("all names", async || {
        let text = metrics(&gateway).await;
        text.contains("integridai_executions_queue_age_seconds ").then_some(text)
    })
    .await;
    for name in NAMES {
        let has = |line: &str| line.starts_with(name) && !line.starts_with('#');
        assert!(text.lines().any(has), "{name} is missing in\n{text}");
    }
    for label in [
        r#"http_route="/api/v1/gateway/execute""#,
        r#"http_response_status_code="200""#,
        r#"http_request_method="POST""#,
        r#"type="analysis_complete""#,
        r#"service="regtech""#,
        r#"integridai_store_dropped_rows_total{table="api_calls_log"} 0"#,
    ] {
        assert!(text.contains(label), "{label} is missing in\n{text}");
    }
    let words = |text: &str| text.split(' ').nth(2).map(ToOwned::to_owned);
    let named = |kind: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with(kind)).filter_map(words).collect()
    };
    assert!(named("# TYPE ").len() >= 15, "{text}");
    for metric in named("# TYPE ") {
        assert!(named("# HELP ").contains(&metric), "{metric} has no HELP in\n{text}");
    }
    assert!(text.contains("# HELP integridai_service_up How a service is: 1 online"), "{text}");
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn a_hundred_unknown_paths_ids_and_methods_make_no_new_label_each() {
    let gateway = Gateway::start().await;
    for number in 0..100 {
        for path in [
            format!("/unbounded-{number}"),
            format!("/docs/unbounded-{number}"),
            format!("/api/v1/gateway/executions/unbounded-{number}"),
            format!("{CONSOLIDATED}?unbounded-{number}"),
        ] {
            gateway.client.get(&path).await;
        }
        let method = Method::from_bytes(format!("UNBOUNDED{number}").as_bytes()).expect("a token");
        gateway.client.send(gateway.client.request(method, EXECUTE)).await.problem(405);
    }
    let text = metrics(&gateway).await;
    assert!(!text.to_lowercase().contains("unbounded"), "{text}");
    for label in [
        r#"http_route="unmatched""#,
        r#"http_request_method="_OTHER""#,
        r#"http_route="/api/v1/gateway/executions/{id}""#,
    ] {
        assert!(text.contains(label), "{label} is missing in\n{text}");
    }
    gateway.stop().await;
}
