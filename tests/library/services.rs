//! The three typed clients against the simulated services: every shape, every failure, over both transports.

use std::time::Duration;

use http::StatusCode;
use integridai_gateway::demo::{
    AnalysisShape, DEMO_SESSION, ErrorShape, Failure, MetricsShape, Shapes, Simulator, SimulatorOptions,
    Simulators,
};
use integridai_tower::client::integridai::{
    DashboardClient, FlaiSimulatorClient, MetricsUpdate, Provider, RawJson, RegTechClient, RiskLevel,
    ScoreBasis,
};
use integridai_tower::client::{ClientError, ErrorKind, Retry, ServiceClient};
use integridai_tower::{CorrelationId, Deadline};
use serde_json::Value;

use crate::peer::soon;
use crate::transport::{Transport, transports};

const LIMIT: usize = 1024 * 1024;
const SHORT: Duration = Duration::from_millis(50);
const NOW: &str = "2026-01-01T00:00:00Z";

fn start() -> Simulators {
    Simulators::start(&SimulatorOptions::default()).expect("loopback has free ports")
}

fn client(simulator: &Simulator, transport: Transport) -> ServiceClient<Transport> {
    let client = ServiceClient::new(simulator.name(), &simulator.url(), transport);
    client.expect("the URL is right").max_response_bytes(LIMIT)
}

fn acme() -> Provider {
    Provider::new("Acme SA", "30-12345678-9", "tecnologia")
}

fn json(raw: &RawJson) -> Value {
    serde_json::from_str(raw.get()).expect("raw JSON is JSON")
}

#[tokio::test]
async fn an_analysis_is_read_in_each_shape_and_kept_as_it_came() {
    let simulators = start();
    for transport in transports() {
        let regtech = RegTechClient::new(client(&simulators.regtech, transport));
        let mut scores = Vec::new();
        for shape in [AnalysisShape::A, AnalysisShape::B, AnalysisShape::C] {
            simulators.regtech.control().shape(Shapes { analysis: shape, ..Shapes::default() });
            let analysis = soon(regtech.analyze_provider(&acme()).send()).await.unwrap();
            let raw = json(&analysis.raw);
            let (score, id, basis, level) = match shape {
                AnalysisShape::A => (
                    &raw["compliance_analysis"]["overall_score"],
                    &raw["analysis_id"],
                    ScoreBasis::Compliance,
                    &raw["compliance_analysis"]["risk_level"],
                ),
                AnalysisShape::B => (
                    &raw["data"]["risk_score"],
                    &raw["data"]["analysis_id"],
                    ScoreBasis::Risk,
                    &raw["data"]["risk_level"],
                ),
                AnalysisShape::C => (&raw["score"], &Value::Null, ScoreBasis::Compliance, &Value::Null),
            };
            assert_eq!((analysis.score, analysis.score_basis), (score.as_f64(), basis), "{shape:?}");
            assert_eq!(analysis.analysis_id.as_deref(), id.as_str(), "{shape:?}");
            assert_eq!(analysis.risk_level.map(RiskLevel::as_str), level.as_str().map(english), "{shape:?}");
            scores.push(analysis.score.expect("each shape has one"));
        }
        assert_eq!(scores, [scores[0]; 3]);
    }
}

fn english(level: &str) -> &str {
    match level {
        "bajo" => "low",
        "medio" => "medium",
        "alto" => "high",
        english => english,
    }
}

#[tokio::test]
async fn figures_are_read_nested_and_flat() {
    let simulators = start();
    for transport in transports() {
        let regtech = RegTechClient::new(client(&simulators.regtech, transport.clone()));
        let training = FlaiSimulatorClient::new(client(&simulators.flaisimulator, transport.clone()));
        let dashboard = DashboardClient::new(client(&simulators.dashboard, transport));
        for metrics in [MetricsShape::Nested, MetricsShape::Flat] {
            for simulator in simulators.all() {
                simulator.control().shape(Shapes { metrics, ..Shapes::default() });
            }
            let figures = soon(regtech.compliance_dashboard().send()).await.unwrap();
            let raw = json(&figures.raw);
            let (total, average) = match metrics {
                MetricsShape::Nested => {
                    (&raw["metrics"]["total_providers"], &raw["metrics"]["avg_compliance_score"])
                }
                MetricsShape::Flat => (&raw["total_providers"], &raw["avg_score"]),
            };
            assert!(total.is_number() && average.is_number(), "{raw}");
            assert_eq!(
                (figures.total_providers, figures.avg_compliance_score),
                (total.as_f64(), average.as_f64())
            );
            let figures = soon(training.metrics().send()).await.unwrap();
            let raw = json(&figures.raw);
            assert_eq!(
                (figures.users, figures.active_simulations),
                (raw["users"].as_f64(), raw["active_sims"].as_f64())
            );
            assert!(figures.users.is_some_and(|users| users > 0.0), "{raw}");
            let figures = soon(dashboard.metrics().send()).await.unwrap();
            assert!(
                figures.total_providers.is_some() && figures.high_risk_providers.is_some(),
                "{:?}",
                figures.raw
            );
        }
    }
}

#[tokio::test]
async fn a_session_is_fetched_by_its_id_and_an_unknown_one_is_the_callers_fault() {
    let simulators = start();
    for transport in transports() {
        let training = FlaiSimulatorClient::new(client(&simulators.flaisimulator, transport));
        let found = soon(training.training_session(DEMO_SESSION).send()).await.unwrap();
        assert_eq!(json(&found.session)["session_id"], DEMO_SESSION);
        for id in ["no-such", "../metrics", "a/b", "?x", "é"] {
            let error = soon(training.training_session(id).send()).await.unwrap_err();
            let ErrorKind::Status { status, refusal: Some(_), .. } = error.kind() else {
                panic!("{id}: {error}")
            };
            assert_eq!((*status, error.retry()), (StatusCode::NOT_FOUND, Retry::No), "{id}");
        }
    }
}

#[tokio::test]
async fn the_services_own_words_come_along_in_both_shapes() {
    let simulators = start();
    let control = simulators.regtech.control();
    for transport in transports() {
        let regtech = RegTechClient::new(client(&simulators.regtech, transport));
        let error = soon(regtech.analyze_provider(&Provider::new("Acme", "", "x")).send()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "regtech analyze_provider: answered 400 Bad Request: Campos requeridos: name, cuit, sector"
        );
        for (errors, code) in [(ErrorShape::Text, None), (ErrorShape::Object, Some("SIMULATED_FAILURE"))] {
            control.shape(Shapes { errors, ..Shapes::default() });
            control.fail(Failure::error(StatusCode::SERVICE_UNAVAILABLE).retry_after(9).times(1));
            let error = soon(regtech.analyze_provider(&acme()).send()).await.unwrap_err();
            let ErrorKind::Status { refusal: Some(refusal), .. } = error.kind() else { panic!("{error}") };
            assert_eq!(refusal.code.as_deref(), code);
            assert!(!refusal.message.is_empty() && refusal.message != "no message", "{refusal:?}");
            let ErrorKind::Status { retry_after, .. } = error.kind() else { panic!("{error}") };
            assert_eq!(*retry_after, Some(Duration::from_secs(9)));
            assert_eq!(error.retry(), Retry::No, "it may have been done, and has no key");
        }
    }
}

type IsExpected = fn(&ErrorKind) -> bool;

/// What a call over each kind of failure ends with.
fn failures() -> Vec<(Failure, IsExpected)> {
    vec![
        (Failure::error(StatusCode::INTERNAL_SERVER_ERROR), |kind| matches!(kind, ErrorKind::Status { .. })),
        (Failure::hang(), |kind| matches!(kind, ErrorKind::TimedOut { .. })),
        (Failure::slow_body(Duration::from_secs(60)), |kind| matches!(kind, ErrorKind::TimedOut { .. })),
        (Failure::malformed(), |kind| matches!(kind, ErrorKind::Malformed)),
        (Failure::huge(), |kind| matches!(kind, ErrorKind::TooLarge { limit: LIMIT })),
        (Failure::truncate(), |kind| matches!(kind, ErrorKind::Broken)),
        (Failure::reset(), |kind| matches!(kind, ErrorKind::Broken)),
    ]
}

#[tokio::test]
async fn each_failure_of_a_service_has_its_kind_and_is_over_once_the_service_is_well() {
    let simulators = start();
    let control = simulators.regtech.control();
    for transport in transports() {
        let regtech = RegTechClient::new(client(&simulators.regtech, transport));
        for (failure, is_expected) in failures() {
            let waits = is_expected(&ErrorKind::TimedOut { after: SHORT });
            control.fail(failure.clone());
            let provider = acme();
            let mut call = regtech.analyze_provider(&provider);
            if waits {
                call = call.deadline(Deadline::after(SHORT));
            }
            let error = soon(call.send()).await.unwrap_err();
            assert!(is_expected(error.kind()), "{failure:?}: {error:?}");
            assert_eq!((error.service(), error.endpoint()), ("regtech", "analyze_provider"));
            control.heal();
            assert!(soon(regtech.analyze_provider(&provider).send()).await.is_ok(), "after {failure:?}");
            soon(control.wait_until(|report| report.in_flight == 0)).await;
        }
    }
}

#[tokio::test]
async fn the_dashboard_need_not_say_anything_but_its_status() {
    let simulators = start();
    let analysis = RawJson::parse(br#"{"success":true,"score":85.5}"#).unwrap();
    for transport in transports() {
        let dashboard = DashboardClient::new(client(&simulators.dashboard, transport));
        simulators.dashboard.control().fail(Failure::malformed().times(1));
        for _ in 0..2 {
            let update = MetricsUpdate::ProviderAnalysis(&analysis);
            soon(dashboard.update_metrics(update, NOW).send()).await.unwrap();
        }
    }
    assert_eq!(simulators.dashboard.control().report().applied, 4);
}

#[tokio::test]
async fn a_lost_answer_is_had_again_under_its_key_without_a_second_effect() {
    let simulators = start();
    let control = simulators.dashboard.control();
    let session = RawJson::parse(br#"{"session_id":"s-1","score":80}"#).unwrap();
    let id: CorrelationId = "order-4711".parse().unwrap();
    for (transport, key) in transports().into_iter().zip(["run:one", "run:two"]) {
        let dashboard = DashboardClient::new(client(&simulators.dashboard, transport));
        control.fail(Failure::reset().after_applying().times(1));
        let update = || {
            let call = dashboard.update_metrics(MetricsUpdate::TrainingUpdate(&session), NOW);
            soon(call.idempotency_key(key).correlation_id(&id).send())
        };
        let error: ClientError = update().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (&ErrorKind::Broken, Retry::Yes));
        update().await.unwrap();
        assert_eq!((control.key(key).requests, control.key(key).applied), (2, 1));
    }
    assert!(control.requests().iter().all(|request| request.correlation_id.as_deref() == Some("order-4711")));
}

#[tokio::test]
async fn a_service_that_is_down_cannot_be_reached_and_is_found_again() {
    let simulators = start();
    for transport in transports() {
        let regtech = RegTechClient::new(client(&simulators.regtech, transport));
        soon(regtech.compliance_dashboard().send()).await.unwrap();
        simulators.regtech.stop().await;
        // The connection of before may still look open to a call that comes at once.
        soon(async {
            while soon(regtech.compliance_dashboard().send()).await.unwrap_err().kind() != &ErrorKind::Connect
            {
            }
        })
        .await;
        simulators.regtech.restart().await.unwrap();
        soon(regtech.compliance_dashboard().send()).await.unwrap();
    }
}
