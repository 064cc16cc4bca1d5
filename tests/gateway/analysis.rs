//! `complete_analysis`, as it goes well.

use http::Method;
use integridai_gateway::demo::{AnalysisShape, Shapes};
use serde_json::{Value, json};

use crate::support::client::EXECUTE;
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, CUIT, UPDATE, analysis, provider};
use crate::support::stub::Stub;
use crate::support::subscriber::Subscriber;
use crate::support::until;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn is_timestamp(value: &Value) -> bool {
    let pattern = "0000-00-00T00:00:00.000Z";
    let same = |(pattern, given): (char, char)| {
        if pattern == '0' { given.is_ascii_digit() } else { pattern == given }
    };
    value
        .as_str()
        .is_some_and(|text| text.len() == pattern.len() && pattern.chars().zip(text.chars()).all(same))
}

#[tokio::test]
async fn both_payload_shapes_give_exactly_the_published_fields_and_the_steps() {
    let gateway = Gateway::start().await;
    let nested = json!({"workflow": "complete_analysis", "payload": {"provider": provider()}});
    for request in [analysis(), nested] {
        let result = gateway.client.execute(&request).await.ok();
        let expected =
            ["dashboard_updated", "duration_ms", "regtech_analysis", "steps", "success", "workflow_id"];
        assert_eq!(keys(&result), expected, "{result}");
        assert_eq!((&result["success"], &result["dashboard_updated"]), (&json!(true), &json!(true)));
        assert_eq!(result["regtech_analysis"]["provider_info"], provider());
        assert!(uuid::Uuid::try_parse(result["workflow_id"].as_str().expect("text")).is_ok());
    }
    assert_eq!(gateway.regtech().control().report().count(ANALYZE, "200"), 2);
    assert_eq!(gateway.dashboard().control().report().applied, 2);
    gateway.stop().await;
}

#[tokio::test]
async fn every_step_says_when_it_began_and_how_long_it_took() {
    let gateway = Gateway::start().await;
    let result = gateway.client.execute(&analysis()).await.ok();
    let steps = result["steps"].as_array().expect("steps");
    let names: Vec<&Value> = steps.iter().map(|step| &step["name"]).collect();
    assert_eq!(names, ["regtech.analyze_provider", "dashboard.update_metrics"]);
    let mut sum = 0.0;
    for step in steps {
        assert_eq!(keys(step), ["duration_ms", "name", "started_at", "status"], "{step}");
        assert_eq!(step["status"], "succeeded", "{step}");
        assert!(is_timestamp(&step["started_at"]), "{step}");
        sum += step["duration_ms"].as_f64().expect("a number");
    }
    assert!(steps[0]["started_at"].as_str() <= steps[1]["started_at"].as_str(), "{result}");
    let whole = result["duration_ms"].as_f64().expect("a number");
    assert!(sum > 0.0 && sum <= whole + 0.01, "{result}");
    gateway.stop().await;
}

#[tokio::test]
async fn each_shape_of_an_analysis_is_passed_on_as_it_came_and_told_in_one_view() {
    let gateway = Gateway::start().await;
    let mut subscriber = Subscriber::start(&gateway.client).await;
    for (shape, member, basis) in [
        (AnalysisShape::A, "/compliance_analysis/overall_score", "compliance"),
        (AnalysisShape::B, "/data/risk_score", "risk"),
        (AnalysisShape::C, "/score", "compliance"),
    ] {
        gateway.regtech().control().shape(Shapes { analysis: shape, ..Shapes::default() });
        let result = gateway.client.execute(&analysis()).await.ok();
        let score = result["regtech_analysis"].pointer(member).expect("the shape's own member");
        let told = subscriber.event("analysis_complete").await["data"].clone();
        assert_eq!((&told["score"], &told["score_basis"]), (score, &json!(basis)), "{told}");
        assert_eq!(told["workflow_id"], result["workflow_id"]);
        assert_eq!((&told["provider"], &told["cuit"]), (&json!("Acme SA"), &json!(CUIT)));
        assert_eq!(told["dashboard_updated"], true);
        let has_level = shape != AnalysisShape::C;
        assert_eq!((told["risk_level"].is_string(), told["analysis_id"].is_string()), (has_level, has_level));
    }
    drop(subscriber);
    gateway.stop().await;
}

#[tokio::test]
async fn whatever_else_stands_in_a_provider_reaches_regtech_as_it_is() {
    let regtech = Stub::start(200, r#"{"success":true,"score":85.5}"#).await;
    let gateway = Gateway::with(&[("SERVICES__REGTECH__BASE_URL", &regtech.url)]).await;
    let mut sent = provider();
    sent["documents"] = json!(["a.pdf", {"name": "b.pdf"}]);
    sent["contact_email"] = json!("compliance@acme.example");
    sent["additional_data"] = json!({"employees": 12, "of": {"deep": [1.5, null, "é"]}});
    sent["later_invented"] = json!({"kept": true});
    let request =
        json!({"workflow": "complete_analysis", "payload": {"provider": sent, "user_id": "user-7"}});
    gateway.client.execute(&request).await.ok();
    assert_eq!(regtech.only(ANALYZE).body, sent);
    gateway.stop().await;
}

#[tokio::test]
async fn numbers_that_no_float_holds_reach_regtech_digit_by_digit_at_once_and_later() {
    let regtech = Stub::start(200, r#"{"success":true,"score":85.5}"#).await;
    let gateway = Gateway::with(&[("SERVICES__REGTECH__BASE_URL", &regtech.url)]).await;
    let data = r#""additional_data":{"of":[12345678901234567890123,0.1000000000000000055511151231257827,1.50]},"grams":9007199254740993.0"#;
    let provider = format!(r#"{{"name":"Acme SA","cuit":"{CUIT}","sector":"otros",{data}}}"#);
    let user = provider.replacen('{', r#"{"user_id":"user-7","#, 1);
    for (payload, options) in
        [(format!(r#"{{"provider":{provider}}}"#), "{}"), (user.clone(), "{}"), (user, r#"{"async":true}"#)]
    {
        let analyses = || regtech.seen().into_iter().filter(|seen| seen.path == ANALYZE);
        let before = analyses().count();
        let body = format!(r#"{{"workflow":"complete_analysis","payload":{payload},"options":{options}}}"#);
        let request =
            gateway.client.request(Method::POST, EXECUTE).header("content-type", "application/json");
        let answer = gateway.client.send(request.body(body)).await;
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
        let sent = until("the call", async || analyses().nth(before)).await;
        let expected = format!(r#"{{"name":"Acme SA","cuit":"{CUIT}","sector":"otros",{data}}}"#);
        assert_eq!(sent.text, expected);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_dashboard_is_told_the_answer_of_regtech_as_it_came_and_when() {
    let raw = r#"{"success":true,"score":85.50,"z":1e2,"a":{"unknown":["é","\u00e9"]}}"#;
    let (regtech, dashboard) = (Stub::start(200, raw).await, Stub::start(204, "").await);
    let gateway = Gateway::with(&[
        ("SERVICES__REGTECH__BASE_URL", &regtech.url),
        ("SERVICES__DASHBOARD__BASE_URL", &dashboard.url),
    ])
    .await;
    let answer = gateway.client.execute(&analysis()).await;
    assert_eq!(answer.ok()["dashboard_updated"], true);
    assert!(answer.text().contains(raw), "the analysis is not touched: {}", answer.text());
    let update = dashboard.only(UPDATE);
    assert_eq!(keys(&update.body), ["provider_analysis", "timestamp"]);
    assert_eq!(update.body["provider_analysis"], serde_json::from_str::<Value>(raw).expect("JSON"));
    assert!(is_timestamp(&update.body["timestamp"]), "{update:?}");
    assert_eq!(update.headers["content-type"], "application/json");
    gateway.stop().await;
}

#[tokio::test]
async fn texts_around_a_providers_fields_are_trimmed_and_a_cuit_may_lack_its_dashes() {
    let regtech = Stub::start(200, r#"{"score":1}"#).await;
    let gateway = Gateway::with(&[("SERVICES__REGTECH__BASE_URL", &regtech.url)]).await;
    let payload = json!({"name": "  Ñandú & Cía. ", "cuit": "30123456789", "sector": "otros\t"});
    gateway.client.execute(&json!({"workflow": "complete_analysis", "payload": payload})).await.ok();
    let body = regtech.only(ANALYZE).body;
    assert_eq!(body, json!({"name": "Ñandú & Cía.", "cuit": "30123456789", "sector": "otros"}));
    gateway.stop().await;
}

#[tokio::test]
async fn a_bearer_token_is_sent_to_its_service_alone() {
    let (regtech, dashboard) = (Stub::start(200, r#"{"score":1}"#).await, Stub::start(200, "{}").await);
    let gateway = Gateway::with(&[
        ("SERVICES__REGTECH__BASE_URL", &regtech.url),
        ("SERVICES__REGTECH__BEARER_TOKEN", "s3cr3t"),
        ("SERVICES__DASHBOARD__BASE_URL", &dashboard.url),
    ])
    .await;
    gateway.client.execute(&analysis()).await.ok();
    assert_eq!(regtech.only(ANALYZE).headers["authorization"], "Bearer s3cr3t");
    assert!(!dashboard.only(UPDATE).headers.contains_key("authorization"));
    gateway.stop().await;
}
