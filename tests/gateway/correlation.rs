//! Which request it is, and which effect: ids that go through everything.

use http::Method;
use serde_json::json;

use crate::support::client::EXECUTE;
use crate::support::gateway::Gateway;
use crate::support::requests::{analysis, later, training_by_id};
use crate::support::stub::Stub;
use integridai_gateway::demo::{DEMO_SESSION, Simulator};

const HEADER: &str = "x-correlation-id";

/// The correlation id and the idempotency key of the request that the service got on this path.
fn seen(service: &Simulator, path: &str) -> (Option<String>, Option<String>) {
    let requests = service.control().requests();
    let request = requests.iter().rfind(|request| request.path == path);
    let request = request.unwrap_or_else(|| panic!("{} was not asked for {path}", service.name()));
    (request.correlation_id.clone(), request.idempotency_key.clone())
}

#[tokio::test]
async fn both_services_get_the_correlation_id_and_an_idempotency_key_of_the_step() {
    let gateway = Gateway::start().await;
    let request = gateway.client.request(Method::POST, EXECUTE).header(HEADER, "order-4711");
    let answer = gateway.client.send(request.json(&analysis())).await;
    let id = answer.ok()["workflow_id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.header(HEADER), "order-4711");
    let correlation = Some("order-4711".to_owned());
    for (service, path, step) in [
        (gateway.regtech(), "/analyze_provider", "regtech"),
        (gateway.dashboard(), "/api/update_metrics", "dashboard"),
    ] {
        assert_eq!(seen(service, path), (correlation.clone(), Some(format!("{id}:{step}"))));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_session_is_fetched_under_the_same_correlation_id() {
    let gateway = Gateway::start().await;
    let request = gateway.client.request(Method::POST, EXECUTE).header(HEADER, "t-1");
    gateway.client.send(request.json(&training_by_id(DEMO_SESSION))).await.ok();
    let path = format!("/api/v1/training/sessions/{DEMO_SESSION}");
    assert_eq!(seen(gateway.flaisimulator(), &path).0.as_deref(), Some("t-1"));
    assert_eq!(seen(gateway.dashboard(), "/api/update_metrics").0.as_deref(), Some("t-1"));
    gateway.stop().await;
}

#[tokio::test]
async fn a_missing_or_invalid_correlation_id_is_replaced_by_a_new_one() {
    let gateway = Gateway::start().await;
    let long = "x".repeat(500);
    for invalid in [None, Some(""), Some("two words"), Some("tab\there"), Some(long.as_str())] {
        let mut request = gateway.client.request(Method::GET, "/livez");
        if let Some(invalid) = invalid {
            request = request.header(HEADER, invalid);
        }
        let answer = gateway.client.send(request).await;
        let id = answer.header(HEADER);
        assert!(uuid::Uuid::try_parse(id).is_ok_and(|id| id.get_version_num() == 7), "{invalid:?}: {id}");
    }
    let twice = gateway.client.request(Method::GET, "/livez").header(HEADER, "a").header(HEADER, "b");
    let answer = gateway.client.send(twice).await;
    assert_eq!(answer.headers.get_all(HEADER).iter().count(), 1, "{answer:?}");
    assert!(uuid::Uuid::try_parse(answer.header(HEADER)).is_ok(), "{answer:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn every_answer_carries_the_correlation_id_errors_included() {
    let gateway = Gateway::start().await;
    for (method, path) in [
        (Method::GET, "/livez"),
        (Method::GET, "/nowhere"),
        (Method::DELETE, "/livez"),
        (Method::GET, "/docs/"),
        (Method::GET, "/metrics"),
        (Method::GET, "/api/v1/realtime/subscribe"),
        (Method::POST, EXECUTE),
    ] {
        let request = gateway.client.request(method.clone(), path).header(HEADER, "mine");
        let answer = gateway.client.send(request).await;
        assert_eq!(answer.header(HEADER), "mine", "{method} {path}");
        if answer.status >= 400 {
            assert_eq!(answer.problem(answer.status)["instance"], path);
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_longest_correlation_id_goes_through_services_events_and_the_store_uncut() {
    let gateway = Gateway::start().await;
    let accepted = async |id: &str| {
        let request = gateway.client.request(Method::GET, "/livez").header(HEADER, id);
        gateway.client.send(request).await.header(HEADER) == id
    };
    let mut longest = String::new();
    for length in (1..=200).rev() {
        longest = "c".repeat(length);
        if accepted(&longest).await {
            break;
        }
    }
    let request = gateway.client.request(Method::POST, EXECUTE).header(HEADER, &longest);
    let answer = gateway.client.send(request.json(&later(analysis()))).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["workflow_id"].as_str().expect("an id").to_owned();
    let ended = gateway.client.execution_that(&id, "succeeded").await;
    assert_eq!(ended["correlation_id"], longest.as_str());
    assert_eq!(seen(gateway.regtech(), "/analyze_provider").0.as_ref(), Some(&longest));
    assert_eq!(seen(gateway.dashboard(), "/api/update_metrics").0.as_ref(), Some(&longest));
    let query = "SELECT correlation_id FROM system_events WHERE event_type = 'analysis_complete'";
    assert_eq!(gateway.until_rows(query, 1).await, [json!({"correlation_id": longest})]);
    gateway.stop().await;
}

#[tokio::test]
async fn the_trace_of_a_request_goes_on_with_each_call_that_it_causes_and_baggage_does_not() {
    let (regtech, dashboard) = (Stub::start(200, r#"{"score":1}"#).await, Stub::start(200, "{}").await);
    let services =
        [("SERVICES__REGTECH__BASE_URL", &*regtech.url), ("SERVICES__DASHBOARD__BASE_URL", &*dashboard.url)];
    let gateway = Gateway::with(&services).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = gateway
        .client
        .request(Method::POST, EXECUTE)
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("tracestate", "vendor=1")
        .header("baggage", "customer=secret");
    gateway.client.send(request.json(&analysis())).await.ok();
    let calls = [regtech.only("/analyze_provider"), dashboard.only("/api/update_metrics")];
    let parents = calls.map(|call| {
        assert!(
            call.headers["tracestate"] == "vendor=1" && !call.headers.contains_key("baggage"),
            "{call:?}"
        );
        call.headers["traceparent"].to_str().expect("ASCII").to_owned()
    });
    assert!(parents[0].starts_with(&format!("00-{trace}-")) && parents[0].ends_with("-01"), "{parents:?}");
    assert!(!parents[0].contains("00f067aa0ba902b7"), "it is the gateway that calls: {parents:?}");
    assert_eq!(parents[0], parents[1]);
    gateway.stop().await;
}
