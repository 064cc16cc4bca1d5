//! `complete_analysis` while RegTech fails in every way a service can.

use std::time::Duration;

use http::StatusCode;
use integridai_gateway::demo::{ErrorShape, Failure, Shapes};
use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, analysis, with_options};
use crate::support::stub::Stub;
use crate::support::within;

const WORKFLOW: Option<&str> = Some("complete_analysis");

/// The failure that a client is told of, complete, with the Dashboard left alone and the execution kept as failed.
async fn fails(gateway: &Gateway, answer: &Answer, status: u16, detail: &str) {
    let problem = answer.failure(status, WORKFLOW);
    assert_eq!(problem["detail"], detail);
    let id = problem["workflow_id"].as_str().expect("it came as far as an execution");
    let kept = gateway.client.execution_that(id, "failed").await;
    assert_eq!(kept["error"], json!({"status": status, "detail": detail}), "{kept}");
    assert_eq!((&kept["result"], &kept["steps"][0]["status"]), (&Value::Null, &json!("failed")), "{kept}");
    assert_eq!(gateway.dashboard().control().report().applied, 0);
}

#[tokio::test]
async fn a_service_that_is_down_is_503() {
    let gateway = Gateway::start().await;
    within(gateway.regtech().stop()).await;
    let answer = gateway.client.execute(&analysis()).await;
    fails(&gateway, &answer, 503, "regtech cannot be reached").await;
    gateway.regtech().restart().await.expect("its port was kept");
    gateway.client.execute(&analysis()).await.ok();
    gateway.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_reset_is_502() {
    let gateway = Gateway::start().await;
    gateway.regtech().control().fail(Failure::reset().on(ANALYZE));
    let answer = gateway.client.execute(&analysis()).await;
    fails(&gateway, &answer, 502, "regtech broke off").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_hangs_is_504_at_the_deadline_and_its_call_is_cancelled() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::hang().on(ANALYZE));
    let answer = gateway.client.execute(&with_options(analysis(), json!({"timeout": 0.3}))).await;
    fails(&gateway, &answer, 504, "regtech did not answer in time").await;
    let report = within(control.wait_until(|report| report.count(ANALYZE, "cancelled") == 1)).await;
    assert_eq!(report.in_flight, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_drips_beyond_the_deadline_is_504_and_its_call_is_cancelled() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::slow_body(Duration::from_secs(60)).on(ANALYZE));
    let answer = gateway.client.execute(&with_options(analysis(), json!({"timeout": 0.3}))).await;
    fails(&gateway, &answer, 504, "regtech did not answer in time").await;
    within(control.wait_until(|report| report.count(ANALYZE, "cancelled") == 1)).await;
    gateway.stop().await;
}

#[tokio::test]
async fn the_services_own_timeout_holds_where_the_request_names_a_longer_one() {
    let gateway = Gateway::with(&[("SERVICES__REGTECH__TIMEOUT_SECONDS", "0.2")]).await;
    gateway.regtech().control().fail(Failure::hang().on(ANALYZE));
    let answer = gateway.client.execute(&with_options(analysis(), json!({"timeout": 100}))).await;
    fails(&gateway, &answer, 504, "regtech did not answer in time").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_without_a_timeout_has_the_configured_one() {
    let gateway = Gateway::with(&[("WORKFLOWS__DEFAULT_TIMEOUT_SECONDS", "0.2")]).await;
    gateway.regtech().control().fail(Failure::hang().on(ANALYZE));
    let answer = gateway.client.execute(&analysis()).await;
    fails(&gateway, &answer, 504, "regtech did not answer in time").await;
    gateway.stop().await;
}

#[tokio::test]
async fn its_error_statuses_become_fitting_ones_and_its_own_words_stay_inside() {
    let gateway = Gateway::start().await;
    for (given, status) in [(500, 502), (501, 502), (502, 502), (599, 502), (503, 503), (504, 504)] {
        let given = StatusCode::from_u16(given).expect("a status");
        gateway.regtech().control().fail(Failure::error(given).on(ANALYZE));
        let answer = gateway.client.execute(&analysis()).await;
        assert!(!answer.text().contains("simulated failure"), "{answer:?}");
        assert_eq!(answer.header("retry-after"), "");
        fails(&gateway, &answer, status, &format!("regtech answered {given}")).await;
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_asks_for_patience_is_503_with_its_retry_after() {
    let gateway = Gateway::start().await;
    for (given, seconds, expected) in [(503, 7, "7"), (503, 0, "1"), (503, 86_400, "3600"), (429, 30, "30")] {
        let given = StatusCode::from_u16(given).expect("a status");
        gateway.regtech().control().fail(Failure::error(given).retry_after(seconds).on(ANALYZE));
        let answer = gateway.client.execute(&analysis()).await;
        assert_eq!(answer.header("retry-after"), expected);
        answer.failure(503, WORKFLOW);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_it_says_of_a_bad_request_is_passed_on_in_both_error_shapes() {
    let gateway = Gateway::start().await;
    for errors in [ErrorShape::Text, ErrorShape::Object] {
        gateway.regtech().control().shape(Shapes { errors, ..Shapes::default() });
        gateway.regtech().control().fail(Failure::error(StatusCode::BAD_REQUEST).on(ANALYZE));
        let answer = gateway.client.execute(&analysis()).await;
        fails(&gateway, &answer, 502, "regtech refused: simulated failure (400 Bad Request)").await;
    }
    gateway.stop().await;
}

#[tokio::test]
async fn malformed_json_is_502() {
    let gateway = Gateway::start().await;
    gateway.regtech().control().fail(Failure::malformed().on(ANALYZE));
    let answer = gateway.client.execute(&analysis()).await;
    fails(&gateway, &answer, 502, "regtech answered something malformed").await;
    gateway.stop().await;
}

#[tokio::test]
async fn json_that_is_no_analysis_is_502() {
    for body in ["", "null", "[]", "{}", r#"{"success":true}"#, "<html>500</html>", r#"{"score":"high"}"#] {
        let regtech = Stub::start(200, body).await;
        let gateway = Gateway::with(&[("SERVICES__REGTECH__BASE_URL", &regtech.url)]).await;
        let answer = gateway.client.execute(&analysis()).await;
        fails(&gateway, &answer, 502, "regtech answered something malformed").await;
        gateway.stop().await;
    }
    let deep = format!("{}{}", r#"{"score":1,"data":"#.repeat(5_000), "}".repeat(5_000));
    let regtech = Stub::start(200, &deep).await;
    let gateway = Gateway::with(&[("SERVICES__REGTECH__BASE_URL", &regtech.url)]).await;
    gateway.client.execute(&analysis()).await.failure(502, WORKFLOW);
    gateway.stop().await;
}

#[tokio::test]
async fn twenty_mebibytes_are_502_and_not_read_to_their_end() {
    let gateway = Gateway::start().await;
    let control = gateway.regtech().control();
    control.fail(Failure::huge().on(ANALYZE));
    let answer = gateway.client.execute(&analysis()).await;
    fails(&gateway, &answer, 502, "regtech answered more than is accepted").await;
    within(control.wait_until(|report| report.count(ANALYZE, "cancelled") == 1)).await;
    assert_eq!(control.report().count(ANALYZE, "200"), 0, "the simulator could send all of it");
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_half_way_is_502() {
    let gateway = Gateway::start().await;
    gateway.regtech().control().fail(Failure::truncate().on(ANALYZE));
    let answer = gateway.client.execute(&analysis()).await;
    fails(&gateway, &answer, 502, "regtech broke off").await;
    gateway.stop().await;
}

#[tokio::test]
async fn success_false_in_a_good_status_is_502_and_its_words_stay_inside() {
    for body in [
        r#"{"success":false,"error":"NullPointerException; password=hunter2"}"#,
        r#"{"success":false,"error":{"code":"E7","message":"NullPointerException"}}"#,
        r#"{"success":false,"score":85.5}"#,
    ] {
        let regtech = Stub::start(200, body).await;
        let gateway = Gateway::with(&[("SERVICES__REGTECH__BASE_URL", &regtech.url)]).await;
        let answer = gateway.client.execute(&analysis()).await;
        fails(&gateway, &answer, 502, "regtech refused").await;
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_service_that_recovers_is_used_again_at_once() {
    let gateway = Gateway::start().await;
    gateway.regtech().control().fail(Failure::error(StatusCode::SERVICE_UNAVAILABLE).on(ANALYZE).times(2));
    for _ in 0..2 {
        gateway.client.execute(&analysis()).await.failure(503, WORKFLOW);
    }
    gateway.client.execute(&analysis()).await.ok();
    gateway.stop().await;
}
