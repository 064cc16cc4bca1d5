//! What `execute` refuses with 422, and the pointer to each wrong field.

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::requests::{CUIT, analysis, provider, training, with_options};

type Row = (&'static str, Value, &'static [&'static str]);

/// Refused, with exactly these pointers in this order; nothing reaches a service.
async fn refused(gateway: &Gateway, rows: Vec<Row>) {
    for (what, request, pointers) in rows {
        let answer = gateway.client.execute(&request).await;
        let workflow = request["workflow"]
            .as_str()
            .filter(|name| ["complete_analysis", "training_sync", "metrics_update"].contains(name));
        let problem = answer.failure(422, workflow);
        let errors = problem["errors"].as_array().expect("errors");
        let found: Vec<&str> =
            errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")).collect();
        assert_eq!(found, pointers, "{what}: {problem}");
        assert!(errors.iter().all(|error| error["detail"].as_str().is_some_and(|text| text.len() > 5)));
        assert_eq!(problem["workflow_id"], Value::Null, "{what}");
    }
    for service in [gateway.regtech(), gateway.flaisimulator(), gateway.dashboard()] {
        assert_eq!(service.control().report().applied, 0, "{}", service.name());
    }
    assert_eq!(gateway.regtech().control().report().total("/analyze_provider"), 0);
}

/// The flat analysis with one field set, or removed where there is no value.
fn analysis_with(field: &str, value: Option<Value>) -> Value {
    let mut request = analysis();
    let payload = request["payload"].as_object_mut().expect("an object");
    match value {
        Some(value) => drop(payload.insert(field.to_owned(), value)),
        None => drop(payload.remove(field)),
    }
    request
}

fn nested_with(field: &str, value: Value) -> Value {
    let mut provider = provider();
    provider[field] = value;
    json!({"workflow": "complete_analysis", "payload": {"provider": provider}})
}

fn session_is(value: Value) -> Value {
    let mut request = training();
    request["payload"]["training_session"] = value;
    request
}

#[tokio::test]
async fn the_request_itself_is_checked() {
    let gateway = Gateway::start().await;
    refused(
        &gateway,
        vec![
            ("an array", json!([]), &["", "/workflow", "/payload"]),
            ("a number", json!(7), &["", "/workflow", "/payload"]),
            ("null", Value::Null, &["", "/workflow", "/payload"]),
            ("nothing", json!({}), &["/workflow", "/payload"]),
            ("no workflow", json!({"payload": {}}), &["/workflow"]),
            ("workflow null", json!({"workflow": null, "payload": {}}), &["/workflow"]),
            ("workflow 7", json!({"workflow": 7, "payload": {}}), &["/workflow"]),
            ("another workflow", json!({"workflow": "format_disk", "payload": {}}), &["/workflow"]),
            ("another case", json!({"workflow": "Complete_Analysis", "payload": {}}), &["/workflow"]),
            ("with a blank", json!({"workflow": "metrics_update ", "payload": {}}), &["/workflow"]),
            ("no payload", json!({"workflow": "complete_analysis"}), &["/payload"]),
            ("payload null", json!({"workflow": "complete_analysis", "payload": null}), &["/payload"]),
            ("payload text", json!({"workflow": "training_sync", "payload": "s-1"}), &["/payload"]),
            ("payload array", json!({"workflow": "metrics_update", "payload": []}), &["/payload"]),
            (
                "unknown members",
                json!({"workflow": "metrics_update", "a/b~c": 1, "Payload": {}}),
                &["/Payload", "/a~1b~0c"],
            ),
        ],
    )
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn options_are_checked() {
    let gateway = Gateway::start().await;
    let with = |options: Value| with_options(analysis(), options);
    let timeout = |value: Value| with(json!({"timeout": value}));
    refused(
        &gateway,
        vec![
            ("text", with(json!("fast")), &["/options"]),
            ("array", with(json!([])), &["/options"]),
            ("number", with(json!(0)), &["/options"]),
            ("unknown", with(json!({"asynch": true})), &["/options/asynch"]),
            ("async text", with(json!({"async": "true"})), &["/options/async"]),
            ("async 1", with(json!({"async": 1})), &["/options/async"]),
            ("async null", with(json!({"async": null})), &["/options/async"]),
            ("priority", with(json!({"priority": "urgent"})), &["/options/priority"]),
            ("priority case", with(json!({"priority": "High"})), &["/options/priority"]),
            ("priority 1", with(json!({"priority": 1})), &["/options/priority"]),
            ("priority null", with(json!({"priority": null})), &["/options/priority"]),
            ("timeout 0", timeout(json!(0)), &["/options/timeout"]),
            ("timeout -0.0", timeout(json!(-0.0)), &["/options/timeout"]),
            ("timeout -1", timeout(json!(-1)), &["/options/timeout"]),
            ("timeout text", timeout(json!("5")), &["/options/timeout"]),
            ("timeout 1e9", timeout(json!(1e9)), &["/options/timeout"]),
            ("timeout 1e300", timeout(json!(1e300)), &["/options/timeout"]),
            ("timeout u64", timeout(json!(u64::MAX)), &["/options/timeout"]),
            ("timeout 120.001", timeout(json!(120.001)), &["/options/timeout"]),
            ("timeout 1e-12", timeout(json!(1e-12)), &["/options/timeout"]),
            ("timeout null", timeout(Value::Null), &["/options/timeout"]),
            ("timeout NaN", timeout(json!("NaN")), &["/options/timeout"]),
            ("timeout array", timeout(json!([5])), &["/options/timeout"]),
            ("timeout true", timeout(json!(true)), &["/options/timeout"]),
            (
                "all",
                with(json!({"async": 0, "priority": 0, "timeout": 0, "x": 0})),
                &["/options/x", "/options/async", "/options/priority", "/options/timeout"],
            ),
        ],
    )
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_provider_is_checked_in_both_payload_shapes() {
    let gateway = Gateway::start().await;
    let payload = |payload: Value| json!({"workflow": "complete_analysis", "payload": payload});
    refused(
        &gateway,
        vec![
            ("empty", payload(json!({})), &["/payload/name", "/payload/cuit", "/payload/sector"]),
            ("provider null", payload(json!({"provider": null})), &["/payload/provider"]),
            ("provider text", payload(json!({"provider": "Acme"})), &["/payload/provider"]),
            (
                "provider empty",
                payload(json!({"provider": {}})),
                &["/payload/provider/name", "/payload/provider/cuit", "/payload/provider/sector"],
            ),
            ("no name", analysis_with("name", None), &["/payload/name"]),
            ("name null", analysis_with("name", Some(Value::Null)), &["/payload/name"]),
            ("name 7", analysis_with("name", Some(json!(7))), &["/payload/name"]),
            ("name empty", analysis_with("name", Some(json!(""))), &["/payload/name"]),
            ("name blank", analysis_with("name", Some(json!(" \t "))), &["/payload/name"]),
            ("name long", analysis_with("name", Some(json!("ñ".repeat(201)))), &["/payload/name"]),
            ("name bell", analysis_with("name", Some(json!("a\u{7}b"))), &["/payload/name"]),
            ("no sector", analysis_with("sector", None), &["/payload/sector"]),
            ("sector array", analysis_with("sector", Some(json!(["salud"]))), &["/payload/sector"]),
            ("sector long", analysis_with("sector", Some(json!("s".repeat(101)))), &["/payload/sector"]),
            ("documents", analysis_with("documents", Some(json!("a.pdf"))), &["/payload/documents"]),
            ("e-mail", analysis_with("contact_email", Some(json!(1))), &["/payload/contact_email"]),
            ("data", analysis_with("additional_data", Some(json!([]))), &["/payload/additional_data"]),
            ("user 7", analysis_with("user_id", Some(json!(7))), &["/payload/user_id"]),
            ("user empty", analysis_with("user_id", Some(json!(""))), &["/payload/user_id"]),
            ("user long", analysis_with("user_id", Some(json!("u".repeat(101)))), &["/payload/user_id"]),
            ("nested name", nested_with("name", json!({})), &["/payload/provider/name"]),
            ("nested documents", nested_with("documents", json!({})), &["/payload/provider/documents"]),
        ],
    )
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_cuit_is_checked_by_its_format_and_its_check_digit_only_where_that_is_configured() {
    let gateway = Gateway::start().await;
    let wrong = [
        json!("30-12345678"),
        json!("30-1234567-89"),
        json!("3-012345678-9"),
        json!("30-12345678-X"),
        json!("30 12345678 9"),
        json!("301234567890"),
        json!("3012345678"),
        json!("30-123456789"),
        json!("٣٠١٢٣٤٥٦٧٨٩"),
        json!(30_123_456_789_u64),
        Value::Null,
        json!(""),
    ];
    for cuit in wrong {
        refused(&gateway, vec![("format", analysis_with("cuit", Some(cuit)), &["/payload/cuit"])]).await;
    }
    gateway.client.execute(&analysis_with("cuit", Some(json!(CUIT)))).await.ok();
    gateway.stop().await;

    let strict = Gateway::with(&[("WORKFLOWS__VERIFY_CUIT_CHECK_DIGIT", "true")]).await;
    let nested = nested_with("cuit", json!(CUIT));
    refused(&strict, vec![("check digit", nested, &["/payload/provider/cuit"])]).await;
    for right in ["20-11111111-2", "20111111112", "30-50001091-2"] {
        strict.client.execute(&analysis_with("cuit", Some(json!(right)))).await.ok();
    }
    strict.stop().await;
}

#[tokio::test]
async fn a_training_session_is_checked() {
    let gateway = Gateway::start().await;
    let at: &[&str] = &["/payload/training_session"];
    let id: &[&str] = &["/payload/training_session/session_id"];
    refused(
        &gateway,
        vec![
            ("none", json!({"workflow": "training_sync", "payload": {}}), at),
            ("null", session_is(Value::Null), at),
            ("7", session_is(json!(7)), at),
            ("true", session_is(json!(true)), at),
            ("array", session_is(json!([{}])), at),
            ("empty text", session_is(json!("")), at),
            ("long text", session_is(json!("s".repeat(101))), at),
            ("empty object", session_is(json!({})), at),
            ("id 7", session_is(json!({"session_id": 7})), id),
            ("id null", session_is(json!({"session_id": null})), id),
            ("id empty", session_is(json!({"session_id": " "})), id),
            (
                "flat id 7",
                json!({"workflow": "training_sync", "payload": {"session_id": 7}}),
                &["/payload/session_id"],
            ),
        ],
    )
    .await;
    let mut user = training();
    user["payload"]["user_id"] = json!({"id": 7});
    refused(&gateway, vec![("user", user, &["/payload/user_id"])]).await;
    gateway.stop().await;
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once_and_no_more_than_twenty() {
    let gateway = Gateway::start().await;
    let request = json!({
        "workflow": "complete_analysis",
        "payload": {"name": 1, "cuit": "x", "sector": null, "documents": 1, "user_id": 1},
        "options": {"timeout": -1},
    });
    let expected: &[&str] = &[
        "/options/timeout",
        "/payload/user_id",
        "/payload/name",
        "/payload/sector",
        "/payload/cuit",
        "/payload/documents",
    ];
    refused(&gateway, vec![("all", request, expected)]).await;
    let many: serde_json::Map<String, Value> = (0..500).map(|n| (format!("k{n}"), json!(n))).collect();
    let problem = gateway.client.execute(&Value::Object(many)).await.failure(422, None);
    assert_eq!(problem["errors"].as_array().map(Vec::len), Some(20));
    gateway.stop().await;
}

#[tokio::test]
async fn limits_themselves_are_accepted() {
    let gateway = Gateway::start().await;
    for options in [
        json!({"timeout": 120}),
        json!({"timeout": 119.999_999}),
        json!({"timeout": 5, "priority": "low", "async": false}),
        json!({}),
        Value::Null,
    ] {
        gateway.client.execute(&with_options(analysis(), options)).await.ok();
    }
    let mut widest = analysis_with("name", Some(json!("ñ".repeat(200))));
    widest["payload"]["sector"] = json!("s".repeat(100));
    widest["payload"]["user_id"] = json!("u".repeat(100));
    widest["payload"]["documents"] = Value::Null;
    gateway.client.execute(&widest).await.ok();
    gateway.stop().await;
}
