//! No bytes that a service can send make a client panic, and what is read means what was sent.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use integridai_tower::client::integridai::{
    Analysis, DashboardClient, FlaiSimulatorClient, MetricsUpdate, Provider, RawJson, RegTechClient,
};
use integridai_tower::client::{ClientError, ErrorKind, Refusal, ServiceClient};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::service_fn;

use crate::endpoint::{Answer, answer};

fn client(
    status: u16,
    body: &[u8],
) -> ServiceClient<
    impl tower::Service<Request<Full<Bytes>>, Response = Answer, Error = Infallible> + Clone + use<>,
> {
    let body = Bytes::copy_from_slice(body);
    let service = service_fn(move |_: Request<Full<Bytes>>| ready(Ok(answer(status, body.clone()))));
    ServiceClient::new("service", "http://host", service).expect("the URL is right")
}

/// What every endpoint makes of such an answer.
fn outcomes(status: u16, body: &[u8]) -> Vec<Result<Option<RawJson>, ClientError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let regtech = RegTechClient::new(client(status, body));
        let training = FlaiSimulatorClient::new(client(status, body));
        let dashboard = DashboardClient::new(client(status, body));
        let provider = Provider::new("n", "c", "s");
        let yes = RawJson::from(true);
        let update = MetricsUpdate::ProviderAnalysis(&yes);
        vec![
            regtech.analyze_provider(&provider).send().await.map(|analysis| Some(analysis.raw)),
            regtech.compliance_dashboard().send().await.map(|figures| Some(figures.raw)),
            training.metrics().send().await.map(|figures| Some(figures.raw)),
            training.training_session("1").send().await.map(|found| Some(found.session)),
            dashboard.metrics().send().await.map(|figures| Some(figures.raw)),
            dashboard.update_metrics(update, "now").send().await.map(|()| None),
        ]
    })
}

/// Bytes with some resemblance to an answer: the documented shapes with a few bytes changed, cut or repeated.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let shapes = [
        r#"{"success":true,"analysis_id":"an-1","compliance_analysis":{"overall_score":85.5,"risk_level":"bajo"}}"#,
        r#"{"success":true,"data":{"analysis_id":7,"risk_score":"31","risk_level":"HIGH"}}"#,
        r#"{"success":true,"score":85.5}"#,
        r#"{"success":true,"metrics":{"total_providers":120,"avg_compliance_score":74.2}}"#,
        r#"{"users":40,"active_sims":3,"training_metrics":{"active_users":12,"completion_rate":80}}"#,
        r#"{"success":false,"error":{"code":"E1","message":"no","details":{}}}"#,
        r#"{"success":false,"error":"Campos requeridos: name, cuit, sector"}"#,
    ];
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    (prop::sample::select(shapes.to_vec()), vec(change, 0..6)).prop_map(|(shape, changes)| {
        let mut bytes = shape.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.drain(at..(at + 3).min(bytes.len() - 1).max(at))),
            }
        }
        bytes
    })
}

/// JSON of any form under the names that the clients look for.
fn documents() -> impl Strategy<Value = Value> {
    let names = [
        "success",
        "error",
        "code",
        "message",
        "data",
        "metrics",
        "score",
        "overall_score",
        "risk_score",
        "risk_level",
        "analysis_id",
        "compliance_analysis",
        "total_providers",
        "avg_score",
        "users",
        "active_sims",
        "training_metrics",
        "overview",
        "x",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(&["low", "CRÍTICO", "1e400", "nan", "inf", "-0", " 7 ", "", "é"][..])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(prop::sample::select(names.to_vec()), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

fn check(status: u16, body: &[u8]) -> Result<(), TestCaseError> {
    for outcome in outcomes(status, body) {
        match outcome {
            Ok(raw) => {
                prop_assert!((200..300).contains(&status));
                let raw = raw.map(|raw| raw.get().to_owned());
                prop_assert!(
                    raw.is_none_or(|raw| serde_json::from_str::<serde::de::IgnoredAny>(&raw).is_ok())
                );
            }
            Err(error) => {
                let words = match error.kind() {
                    ErrorKind::Refused(refusal) | ErrorKind::Status { refusal: Some(refusal), .. } => {
                        refusal.message.len()
                    }
                    ErrorKind::Malformed | ErrorKind::Status { .. } => 0,
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                prop_assert!(words <= Refusal::MAX_LEN);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_make_a_client_panic(status in 200..600_u16, body in vec(any::<u8>(), 0..200)) {
        check(status, &body)?;
    }

    #[test]
    fn no_damage_to_a_documented_answer_makes_a_client_panic(status in 200..600_u16, body in damaged()) {
        check(status, &body)?;
    }

    #[test]
    fn no_document_makes_a_client_panic(document in documents()) {
        let body = document.to_string();
        check(200, body.as_bytes())?;
        if let Ok(analysis) = Analysis::read(body.as_bytes()) {
            prop_assert!(document.is_object(), "an analysis is an object: {}", document);
            prop_assert!(analysis.score.is_none_or(f64::is_finite));
            prop_assert_eq!(analysis.raw.get(), body);
        }
    }

    #[test]
    fn a_score_is_read_as_it_was_written(hundredths in 0..=10_000_u32, level in 0..4_usize) {
        let score = f64::from(hundredths) / 100.0;
        let levels = [("low", "bajo"), ("medium", "Medio"), ("high", "ALTO"), ("critical", "crítico")];
        let (english, spanish) = levels[level];
        for written in [json!(score), json!(score.to_string())] {
            for body in [
                json!({"compliance_analysis": {"overall_score": written, "risk_level": spanish}}),
                json!({"success": true, "data": {"risk_score": written, "risk_level": english}}),
                json!({"score": written, "risk_level": english}),
            ] {
                let analysis = Analysis::read(body.to_string().as_bytes()).unwrap();
                prop_assert_eq!(analysis.score, Some(score));
                prop_assert_eq!(analysis.risk_level.unwrap().as_str(), english);
            }
        }
    }

    #[test]
    fn an_id_that_is_a_number_keeps_all_its_digits(id in any::<u64>(), negative in i64::MIN..0) {
        for id in [json!(id), json!(negative)] {
            let analysis = Analysis::read(json!({"analysis_id": id}).to_string().as_bytes()).unwrap();
            prop_assert_eq!(analysis.analysis_id, Some(id.to_string()));
        }
    }
}

#[test]
fn a_deep_document_overflows_no_stack() {
    for (open, close) in [("{\"data\":", "}"), ("[", "]"), ("{\"error\":", "}")] {
        let body = open.repeat(100_000) + "1" + &close.repeat(100_000);
        let mut outcomes = outcomes(200, body.as_bytes());
        let (first, session) = (outcomes.remove(0), outcomes.remove(2));
        assert!(matches!(first.unwrap_err().kind(), ErrorKind::Malformed), "{open}");
        assert_eq!(session.is_ok(), open.starts_with('{'), "a session is passed on unread");
    }
}

#[test]
fn a_list_is_no_answer_whatever_is_in_it() {
    for body in [
        r#"["an-1",85.5,85.5]"#,
        r#"[{"session_id":"1"}]"#,
        "[1,2,3,4,5]",
        r#"[false,"no"]"#,
        "[]",
        "7",
        "\"x\"",
    ] {
        for outcome in outcomes(200, body.as_bytes()).into_iter().take(5) {
            let error = outcome.expect_err(body);
            assert!(matches!(error.kind(), ErrorKind::Malformed), "{body}: {error}");
        }
    }
}

#[test]
fn a_refusal_in_a_good_answer_fails_the_call_however_it_is_put() {
    for (body, message) in [
        (r#"{"success":false}"#, "no reason given"),
        (r#"{"success" : false , "error":null}"#, "no reason given"),
        (r#"{"success":false,"error":[1]}"#, "no reason given"),
        (r#"{"success":false,"error":"no","score":1}"#, "no"),
        (r#"{"success":false,"error":{"code":7,"message":"no"}}"#, "no"),
        (r#"{"success":false,"error":{"message":{}}}"#, "no message"),
        (r#"{"success":null,"error":"no"}"#, "no"),
        (r#"{"error":"no"}"#, "no"),
        (r#"{"success":"false","error":"no"}"#, "no"),
        (r#"{"success":0,"error":"no"}"#, "no"),
    ] {
        for outcome in outcomes(200, body.as_bytes()) {
            match outcome.expect_err(body).kind() {
                ErrorKind::Refused(refusal) => assert_eq!(refusal.message, message, "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}

#[test]
fn an_error_beside_a_success_is_a_warning() {
    for body in [
        r#"{"success":true,"score":1,"users":1,"total_providers":1,"error":"a warning"}"#,
        r#"{"score":1,"users":1,"total_providers":1,"error":null,"ok":false}"#,
    ] {
        for outcome in outcomes(200, body.as_bytes()) {
            assert!(outcome.is_ok(), "{body}: {outcome:?}");
        }
    }
}
