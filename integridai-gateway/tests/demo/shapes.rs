//! What the services answer when they are well, and how their figures move.
use integridai_gateway::demo::{AnalysisShape, DEMO_SESSION, MetricsShape, Shapes};

use super::*;

fn shaped(analysis: AnalysisShape, metrics: MetricsShape) -> Shapes {
    Shapes { analysis, metrics, ..Shapes::default() }
}

#[tokio::test]
async fn an_analysis_comes_in_the_shape_of_the_running_service() {
    let simulators = start();
    let (status, analysis) = post(&simulators.regtech, ANALYZE, ACME).await;
    assert_eq!(status, 200);
    let score = analysis["compliance_analysis"]["overall_score"].as_f64().expect("score");
    let expected = match score {
        score if score >= 70.0 => "bajo",
        score if score >= 40.0 => "medio",
        _ => "alto",
    };
    assert_eq!(analysis["compliance_analysis"]["risk_level"], expected);
    assert_eq!(analysis["provider_info"]["cuit"], "30-12345678-9");
    for registry in ["afip", "bcra", "cnv", "uif"] {
        assert!(analysis["official_verifications"][registry]["verified"].is_boolean(), "{registry}");
    }
    assert_eq!(analysis["risk_analysis"]["factors"][0]["level"], expected);
    assert!(analysis["recommendations"]["immediate"].is_array());
    assert!(analysis["executive_summary"].is_string());
    assert_eq!(analysis["analysis_metadata"]["documents_analyzed"], 0);
}

#[tokio::test]
async fn the_three_shapes_tell_the_same_score_under_fresh_ids() {
    let simulators = start();
    let regtech = &simulators.regtech;
    let (_, running) = post(regtech, ANALYZE, ACME).await;
    regtech.control().shape(shaped(AnalysisShape::B, MetricsShape::Nested));
    let (_, documented) = post(regtech, ANALYZE, ACME).await;
    let (status, _) = post(regtech, "/_control", r#"{"analysis_shape":"C"}"#).await;
    assert_eq!(status, 200);
    let (_, smallest) = post(regtech, ANALYZE, ACME).await;
    let score = &running["compliance_analysis"]["overall_score"];
    assert_eq!((&documented["data"]["risk_score"], &smallest["score"]), (score, score));
    assert_ne!(documented["data"]["analysis_id"], running["analysis_id"]);
    assert!(documented["data"]["next_review_date"].is_string());
    assert_eq!(smallest.as_object().map(serde_json::Map::len), Some(2));
}

#[tokio::test]
async fn an_incomplete_provider_is_refused_in_the_words_of_the_service() {
    let simulators = start();
    for body in [r#"{"name":"Acme","cuit":"30-12345678-9"}"#, r#"{"name":"","cuit":"3","sector":"s"}"#] {
        let (status, refusal) = post(&simulators.regtech, ANALYZE, body).await;
        assert_eq!(status, 400);
        let expected = json!({"success": false, "error": "Campos requeridos: name, cuit, sector"});
        assert_eq!(refusal, expected);
    }
    assert_eq!(post(&simulators.regtech, ANALYZE, "{").await.0, 400);
    assert_eq!(simulators.regtech.control().report().applied, 0);
}

#[tokio::test]
async fn the_compliance_dashboard_moves_with_each_analysis_nested_and_flat() {
    let simulators = start();
    let regtech = &simulators.regtech;
    let (_, before) = get(regtech, "/compliance_dashboard").await;
    let (_, analysis) = post(regtech, ANALYZE, ACME).await;
    let (_, after) = get(regtech, "/compliance_dashboard").await;
    for figure in ["total_providers", "analyses_24h"] {
        let moved = |dashboard: &Value| dashboard["metrics"][figure].as_u64().expect(figure);
        assert_eq!(moved(&after), moved(&before) + 1, "{figure}");
    }
    assert_ne!(after["metrics"]["avg_compliance_score"], before["metrics"]["avg_compliance_score"]);
    assert_eq!(after["recent_analyses"][0]["analysis_id"], analysis["analysis_id"]);
    assert!(after["sector_distribution"].as_array().is_some_and(|sectors| !sectors.is_empty()));
    regtech.control().shape(shaped(AnalysisShape::A, MetricsShape::Flat));
    let (_, flat) = get(regtech, "/compliance_dashboard").await;
    assert_eq!(flat["total_providers"], after["metrics"]["total_providers"]);
    assert_eq!(flat["avg_score"], after["metrics"]["avg_compliance_score"]);
    assert!(flat.get("metrics").is_none());
}

#[tokio::test]
async fn regulatory_updates_and_every_health_answer_have_their_fields() {
    let simulators = start();
    let (_, updates) = get(&simulators.regtech, "/regulatory_updates").await;
    for field in ["id", "title", "description", "date", "impact", "source"] {
        assert!(updates["updates"][0][field].is_string(), "{field}");
    }
    assert_eq!(simulators.all().map(Simulator::name), ["regtech", "flaisimulator", "dashboard"]);
    for simulator in simulators.all() {
        let (status, health) = get(simulator, HEALTH).await;
        assert_eq!((status, &health["status"]), (200, &json!("healthy")));
        assert!(health["capabilities"].as_array().is_some_and(|list| !list.is_empty()));
    }
}

#[tokio::test]
async fn a_training_session_runs_from_its_beginning_to_its_completion() {
    let simulators = start();
    let flaisimulator = &simulators.flaisimulator;
    let (_, before) = get(flaisimulator, "/api/v1/metrics").await;
    let begin = json!({"scenario_id": "gifts", "user_id": "ana"});
    let (status, begun) = post(flaisimulator, "/api/v1/training/sessions", begin).await;
    assert_eq!((status, &begun["data"]["scenario"]), (201, &json!("gifts")));
    assert!(begun["data"]["expires_at"].is_string());
    let session = format!("/api/v1/training/sessions/{}", begun["data"]["session_id"].as_str().expect("id"));
    for step in 1..=5 {
        let (_, answered) =
            post(flaisimulator, &format!("{session}/responses"), json!({"choice": step})).await;
        assert_eq!(answered["data"]["progress"], json!(f64::from(step) * 20.0));
    }
    let (_, fetched) = get(flaisimulator, &session).await;
    assert_eq!(fetched["data"]["status"], "completed");
    let (status, over) = post(flaisimulator, &format!("{session}/responses"), "{}").await;
    assert_eq!((status, &over["error"]["code"]), (409, &json!("SESSION_OVER")));
    let (_, progress) = get(flaisimulator, "/api/v1/training/users/ana/progress").await;
    assert_eq!(progress["data"]["sessions_completed"], 1);
    assert_eq!(progress["data"]["avg_score"], fetched["data"]["score"]);
    let (_, after) = get(flaisimulator, "/api/v1/metrics").await;
    assert_eq!(after["users"].as_u64(), before["users"].as_u64().map(|users| users + 1));
    assert_eq!(after["active_sims"], before["active_sims"]);
    // The average moves too, but a score may happen to be the average.
    let rate = |metrics: &Value| metrics["training_metrics"]["completion_rate"].as_f64();
    assert!(rate(&after) > rate(&before), "{after}");
}

#[tokio::test]
async fn the_demo_session_exists_and_an_unknown_one_is_a_coded_404() {
    let simulators = start();
    let path = |id| format!("/api/v1/training/sessions/{id}");
    let (status, demo) = get(&simulators.flaisimulator, &path(DEMO_SESSION)).await;
    assert_eq!((status, &demo["data"]["progress"]), (200, &json!(60.0)));
    let (status, unknown) = get(&simulators.flaisimulator, &path("nobody")).await;
    assert_eq!((status, &unknown["error"]["details"]), (404, &json!("nobody")));
}

#[tokio::test]
async fn flat_training_metrics_have_two_figures() {
    let simulators = start();
    let (_, report) = post(&simulators.flaisimulator, "/_control", r#"{"metrics_shape":"flat"}"#).await;
    assert_eq!(report["shapes"]["metrics"], "flat");
    let (_, flat) = get(&simulators.flaisimulator, "/api/v1/metrics").await;
    assert_eq!(flat.as_object().map(serde_json::Map::len), Some(2));
    assert!(flat["users"].is_u64() && flat["active_sims"].is_u64());
}

#[tokio::test]
async fn the_dashboard_moves_with_each_update_and_refuses_an_empty_one() {
    let simulators = start();
    let dashboard = &simulators.dashboard;
    let metrics = "/api/v1/dashboard/metrics";
    let (_, before) = get(dashboard, metrics).await;
    let high_risk = json!({"provider_analysis": {"score": 1.0}, "timestamp": "2026-01-01T00:00:00Z"});
    assert_eq!(post(dashboard, UPDATE, high_risk).await.0, 200);
    let training = json!({"training_update": {"score": 1.0}, "timestamp": "2026-01-01T00:00:00Z"});
    assert_eq!(post(dashboard, UPDATE, training).await.0, 200);
    let (_, after) = get(dashboard, metrics).await;
    let (before, after) = (&before["data"], &after["data"]);
    for figure in ["total_providers", "high_risk_providers"] {
        let value = |data: &Value| data["overview"][figure].as_u64().expect(figure);
        assert_eq!(value(after), value(before) + 1, "{figure}");
    }
    assert_ne!(after["overview"]["avg_risk_score"], before["overview"]["avg_risk_score"]);
    assert_ne!(after["training_metrics"]["avg_score"], before["training_metrics"]["avg_score"]);
    assert_eq!(after["trends"]["provider_updates"], 1);
    for (status, body) in [
        (422, r#"{"timestamp":"2026-01-01T00:00:00Z"}"#),
        (422, r#"{"provider_analysis":{}}"#),
        (422, r#"{"provider_analysis":7,"timestamp":"2026-01-01T00:00:00Z"}"#),
        (400, "{"),
    ] {
        assert_eq!(post(dashboard, UPDATE, body).await.0, status, "{body}");
    }
}

#[tokio::test]
async fn a_repeated_idempotency_key_is_answered_alike_and_applied_once() {
    let simulators = start();
    let dashboard = &simulators.dashboard;
    let update = |key: &'static str| async move {
        let request = client().post(dashboard.url() + UPDATE).header("idempotency-key", key);
        read(request.header("x-correlation-id", "trace-1").json(&analysis_update()).send().await).await
    };
    let first = update("one").await;
    assert_eq!(update("one").await, first);
    assert_ne!(update("two").await, first);
    let report = dashboard.control().report();
    assert_eq!((report.applied, report.replayed), (2, 1));
    assert_eq!((report.distinct_keys, report.duplicate_keys), (2, 1));
    let used = dashboard.control().key("one");
    assert_eq!((used.requests, used.applied), (2, 1));
    let (_, keys) = get(dashboard, "/_control/keys").await;
    assert_eq!(keys["one"], json!({"requests": 2, "applied": 1}));
    let (_, recorded) = get(dashboard, "/_control/requests").await;
    assert_eq!(recorded.as_array().map(Vec::len), Some(3));
    assert_eq!(recorded[2]["idempotency_key"], "two");
    assert_eq!(recorded[2]["correlation_id"], "trace-1");
}

#[tokio::test]
async fn unknown_paths_wrong_methods_and_large_bodies_are_refused() {
    let simulators = start();
    let regtech = &simulators.regtech;
    assert_eq!(get(regtech, "/nowhere").await.0, 404);
    assert_eq!(get(regtech, ANALYZE).await.0, 405);
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    let request = client().post(regtech.url() + ANALYZE).body(large);
    assert_eq!(request.send().await.expect("answered").status(), 413);
    let long = client().get(regtech.url() + HEALTH).header("idempotency-key", "k".repeat(257));
    assert_eq!(long.send().await.expect("answered").status(), 400);
    let report = regtech.control().report();
    assert_eq!((report.count("other", "404"), report.count(ANALYZE, "413")), (1, 1));
}
