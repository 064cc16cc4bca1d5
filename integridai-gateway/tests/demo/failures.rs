//! Every way to fail, seen from the client and from the control panel.
use std::error::Error;
use std::io;
use std::time::Instant;

use http::StatusCode;
use integridai_gateway::demo::Failure;

use super::*;

const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn an_error_has_its_status_its_body_and_its_retry_after() {
    let simulators = start();
    let regtech = &simulators.regtech;
    let control = r#"{"mode":"error","status":503,"retry_after":2}"#;
    assert_eq!(post(regtech, "/_control", control).await.0, 200);
    let answer = client().post(regtech.url() + ANALYZE).body(ACME).send().await.expect("answered");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "2");
    let text: Value = answer.json().await.expect("JSON");
    assert_eq!((&text["success"], text["error"].is_string()), (&json!(false), true));
    post(regtech, "/_control", r#"{"error_shape":"object"}"#).await;
    let (_, object) = post(regtech, ANALYZE, ACME).await;
    assert_eq!(object["error"]["code"], "SIMULATED_FAILURE");
    post(regtech, "/_control", r#"{"mode":"error"}"#).await;
    assert_eq!(post(regtech, ANALYZE, ACME).await.0, 500);
    assert_eq!(regtech.control().report().applied, 0);
    assert_eq!(post(regtech, "/_control", r#"{"mode":"ok"}"#).await.1["failure"], Value::Null);
    assert_eq!(post(regtech, ANALYZE, ACME).await.0, 200);
}

#[tokio::test]
async fn a_failure_keeps_to_its_paths_and_its_times() {
    let simulators = start();
    let regtech = &simulators.regtech;
    regtech.control().fail(Failure::error(StatusCode::BAD_GATEWAY).on(ANALYZE).times(2));
    assert_eq!(get(regtech, HEALTH).await.0, 200);
    for status in [502, 502, 200] {
        assert_eq!(post(regtech, ANALYZE, ACME).await.0, status);
    }
    let report = regtech.control().report();
    assert_eq!((report.count(ANALYZE, "502"), report.count(ANALYZE, "200")), (2, 1));
    assert_eq!((report.total(HEALTH), report.failure), (1, None));
}

#[tokio::test]
async fn a_probability_fails_some_and_the_same_ones_for_the_same_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let simulators = start();
        simulators.regtech.control().fail(Failure::error(StatusCode::BAD_GATEWAY).probability(0.5));
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(get(&simulators.regtech, HEALTH).await.0);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&200) && runs[0].contains(&502));
}

#[tokio::test]
async fn a_hanging_request_counts_as_cancelled_when_its_client_leaves() {
    let simulators = start();
    let control = simulators.regtech.control();
    control.fail(Failure::hang());
    let request = tokio::spawn(client().get(simulators.regtech.url() + HEALTH).send());
    within(control.wait_until(|report| report.in_flight == 1)).await;
    request.abort();
    let report = within(control.wait_until(|report| report.in_flight == 0)).await;
    assert_eq!((report.cancelled, report.count(HEALTH, "cancelled")), (1, 1));
}

#[tokio::test]
async fn a_lost_answer_is_not_applied_again_under_its_key() {
    let simulators = start();
    let dashboard = &simulators.dashboard;
    dashboard.control().fail(Failure::reset().after_applying().times(1));
    let update = || {
        let request = client().post(dashboard.url() + UPDATE).header("idempotency-key", "one");
        request.json(&analysis_update()).send()
    };
    update().await.expect_err("reset");
    assert_eq!(update().await.expect("answered").status(), 200);
    let report = dashboard.control().report();
    assert_eq!((report.applied, report.replayed, report.count(UPDATE, "reset")), (1, 1, 1));
}

#[tokio::test]
async fn a_malformed_answer_is_complete_http_and_broken_json() {
    let simulators = start();
    simulators.flaisimulator.control().fail(Failure::malformed());
    let url = simulators.flaisimulator.url() + "/api/v1/metrics";
    let answer = client().get(url).send().await.expect("answered");
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.expect("the body is as long as declared");
    assert!(text.starts_with('{'), "{text}");
    assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
}

#[tokio::test]
async fn a_huge_answer_is_twenty_mebibytes_of_json_without_a_length() {
    let simulators = start();
    simulators.regtech.control().fail(Failure::huge());
    let answer = client().get(simulators.regtech.url() + HEALTH).send().await.expect("answered");
    assert_eq!(answer.content_length(), None);
    let body = answer.bytes().await.expect("whole");
    assert_eq!(body.len(), 20 * MEBIBYTE);
    assert!(serde_json::from_slice::<Value>(&body).is_ok());
    assert_eq!(simulators.regtech.control().report().count(HEALTH, "200"), 1);
}

#[tokio::test]
async fn a_client_that_leaves_a_huge_answer_counts_as_cancelled() {
    let simulators = start();
    let control = simulators.regtech.control();
    control.fail(Failure::huge());
    let mut answer = client().get(simulators.regtech.url() + HEALTH).send().await.expect("answered");
    assert!(answer.chunk().await.expect("first chunk").is_some());
    drop(answer);
    let report = within(control.wait_until(|report| report.in_flight == 0)).await;
    assert_eq!(report.cancelled, 1);
}

#[tokio::test]
async fn a_truncated_answer_declares_more_than_it_sends() {
    let simulators = start();
    let regtech = &simulators.regtech;
    regtech.control().fail(Failure::truncate());
    let mut answer = client().post(regtech.url() + ANALYZE).body(ACME).send().await.expect("head");
    let declared = answer.content_length().expect("a length is declared");
    let mut received = 0;
    let error = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => received += chunk.len() as u64,
            Ok(None) => panic!("the body looked complete"),
            Err(error) => break error,
        }
    };
    assert_eq!((answer.status().as_u16(), received), (200, declared / 2), "{error}");
    assert_eq!(regtech.control().report().applied, 1);
}

#[tokio::test]
async fn a_reset_connection_ends_with_a_tcp_reset_and_no_answer() {
    let simulators = start();
    simulators.regtech.control().fail(Failure::reset());
    let error = client().get(simulators.regtech.url() + HEALTH).send().await.expect_err("reset");
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
    assert_eq!(cause(&error), Some(io::ErrorKind::ConnectionReset), "{error:?}");
    let report = simulators.regtech.control().report();
    assert_eq!((report.count(HEALTH, "reset"), report.cancelled, report.in_flight), (1, 0, 0));
}

#[tokio::test]
async fn a_slow_body_sends_its_head_at_once_and_one_byte_per_interval() {
    let simulators = start();
    let control = simulators.flaisimulator.control();
    control.fail(Failure::slow_body(Duration::from_millis(10)));
    let url = simulators.flaisimulator.url() + "/api/v1/metrics";
    let began = Instant::now();
    let mut answer = client().get(&url).send().await.expect("head");
    let declared = answer.content_length().expect("length");
    assert!(began.elapsed() < Duration::from_millis(10) * u32::try_from(declared).expect("short"));
    assert_eq!(answer.chunk().await.expect("a byte").map(|chunk| chunk.len()), Some(1));
    drop(answer);
    let report = within(control.wait_until(|report| report.in_flight == 0)).await;
    assert_eq!(report.cancelled, 1);
    let whole = client().get(&url).send().await.expect("head").json::<Value>().await.expect("whole");
    assert!(whole["users"].is_u64());
}

#[tokio::test]
async fn a_slow_service_answers_correctly_but_late() {
    let simulators = start();
    simulators.dashboard.control().fail(Failure::slow(Duration::from_millis(150)));
    let began = Instant::now();
    assert_eq!(get(&simulators.dashboard, HEALTH).await.0, 200);
    assert!(began.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_control_call_with_a_typing_error_says_what_is_wrong_and_changes_nothing() {
    let simulators = start();
    let (status, refusal) = post(&simulators.regtech, "/_control", r#"{"mod":"hang"}"#).await;
    assert_eq!(status, 400);
    assert!(refusal["error"].as_str().is_some_and(|text| text.contains("unknown field `mod`")), "{refusal}");
    let body = r#"{"mode":"error","status":9000,"metrics_shape":"flat"}"#;
    assert_eq!(post(&simulators.regtech, "/_control", body).await.0, 400);
    let report = simulators.regtech.control().report();
    assert_eq!((report.failure, report.shapes), (None, integridai_gateway::demo::Shapes::default()));
}

#[tokio::test]
async fn a_page_of_another_site_controls_nothing_and_sees_nothing() {
    let simulators = start();
    let regtech = &simulators.regtech;
    let url = regtech.url() + "/_control";
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        for request in
            [client().post(&url).body(r#"{"mode":"hang"}"#), client().delete(&url), client().get(&url)]
        {
            assert_eq!(read(request.header(name, value).send().await).await.0, 403, "{name}: {value}");
        }
    }
    assert_eq!(regtech.control().report().failure, None);
    let own = client().post(&url).header("origin", regtech.url()).header("sec-fetch-site", "same-origin");
    assert_eq!(read(own.body(r#"{"mode":"hang"}"#).send().await).await.0, 200);
}

#[tokio::test]
async fn the_control_call_reports_the_failure_in_force_and_forgets_on_delete() {
    let simulators = start();
    let regtech = &simulators.regtech;
    let control = r#"{"mode":"error","times":3,"paths":["/health"],"latency_ms":1}"#;
    post(regtech, "/_control", control).await;
    get(regtech, HEALTH).await;
    let (_, report) = get(regtech, "/_control").await;
    assert_eq!(report["failure"]["times"], 2);
    assert_eq!((&report["failure"]["mode"], &report["failure"]["latency_ms"]), (&json!("error"), &json!(1)));
    assert_eq!(report["requests"], json!({"/health": {"500": 1}}));
    let deleted = read(client().delete(regtech.url() + "/_control").send().await).await.1;
    assert_eq!((&deleted["failure"], &deleted["requests"]), (&Value::Null, &json!({})));
}

fn cause(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}
